/** The service instance, and managers that have methods but no properties. */
import { FURNITURE as F, sameRef } from '../ids.ts';
import { serviceContent } from '../service-content.ts';
import { furnish } from './registry.ts';

/** Capability of the service itself. */
const CAPABILITY = { provisioningSupported: false, multiHostSupported: false, userShellAccessSupported: false };

export const furnishService = (): void => {
  furnish('ServiceInstance', (scope, ref) =>
    sameRef(ref, F.serviceInstance)
      ? {
          values: {
            serverClock: () => scope.context.now(),
            capability: () => CAPABILITY,
            content: () => serviceContent(scope.context.front),
          },
        }
      : undefined,
  );
  furnish('FileManager', (_scope, ref) => (sameRef(ref, F.fileManager) ? { values: {} } : undefined));
  furnish('VirtualDiskManager', (_scope, ref) => (sameRef(ref, F.virtualDiskManager) ? { values: {} } : undefined));
  furnish('DatastoreNamespaceManager', (_scope, ref) =>
    sameRef(ref, F.datastoreNamespaceManager) ? { values: {} } : undefined,
  );
};
