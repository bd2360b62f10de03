/** The ServiceContent of a standalone ESXi host: exactly the managers that exist. */
import { about } from './about.ts';
import { FURNITURE } from './ids.ts';
import { moRef } from './values.ts';

/** Members of ServiceContent -> furniture. What a HostAgent lacks (alarms, extensions, ...) is not here and so is unset. */
const MANAGERS = [
  'rootFolder',
  'propertyCollector',
  'viewManager',
  'setting',
  'sessionManager',
  'authorizationManager',
  'perfManager',
  'eventManager',
  'taskManager',
  'licenseManager',
  'searchIndex',
  'fileManager',
  'virtualDiskManager',
  // There, as on ESXi, though no datastore of ours has namespaces: govc uses it without looking whether it is set.
  'datastoreNamespaceManager',
] as const satisfies readonly (keyof typeof FURNITURE)[];

export const serviceContent = (front: { readonly uuid: string }) => ({
  _type: 'ServiceContent',
  ...Object.fromEntries(MANAGERS.map((name) => [name, moRef(FURNITURE[name].type, FURNITURE[name].value)])),
  about: { _type: 'AboutInfo', ...about(front.uuid) },
});
