/** ServiceContent of a standalone host: exactly the managers that are there; the rest stays unset, as on ESXi. */
import type { FrontInstance } from '../../generic/platform.ts';
import { about } from '../about.ts';
import { FURNITURE as F, sameRef } from '../ids.ts';
import { type DataObject } from '../values.ts';
import { furnish } from './registry.ts';

/** Handed to the front: RetrieveServiceContent is answered without the server. */
export const serviceContent = (front: FrontInstance): DataObject => ({
  _type: 'ServiceContent',
  rootFolder: F.rootFolder,
  propertyCollector: F.propertyCollector,
  viewManager: F.viewManager,
  about: about(front.uuid),
  setting: F.setting,
  sessionManager: F.sessionManager,
  authorizationManager: F.authorizationManager,
  perfManager: F.perfManager,
  eventManager: F.eventManager,
  taskManager: F.taskManager,
  licenseManager: F.licenseManager,
  searchIndex: F.searchIndex,
  fileManager: F.fileManager,
  virtualDiskManager: F.virtualDiskManager,
});

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
};
