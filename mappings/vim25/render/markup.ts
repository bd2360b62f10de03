/** Moments in, the API's times out. */

/** RFC 3339 with microseconds and Z, as ESXi writes it. */
export const dateTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, -1)}000Z`;
