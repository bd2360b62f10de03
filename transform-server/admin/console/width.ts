/** An element's place in the page in; how wide it is, now and whenever that changes, out. */
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** `before`: until it was looked at. */
export const useWidth = (before: number): readonly [box: RefObject<HTMLDivElement>, width: number] => {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(before);
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [box, width];
};
