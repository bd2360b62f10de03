/** Who a front says it is: the AboutInfo of an ESXi host, the same in ServiceContent, HostConfigInfo and HostConfigSummary. */

export const API_VERSION = '6.7';
const VERSION = '6.7.0';
/** Digits only: Terraform parses it. It names no real build. */
const BUILD = '14320388';

export const about = (instanceUuid: string) => ({
  name: 'VMware ESXi',
  fullName: `VMware ESXi ${VERSION} build-${BUILD}`,
  vendor: 'VMware, Inc.',
  version: VERSION,
  build: BUILD,
  localeVersion: 'INTL',
  localeBuild: '000',
  osType: 'vmnix-x86',
  productLineId: 'embeddedEsx',
  apiType: 'HostAgent',
  apiVersion: API_VERSION,
  instanceUuid,
  licenseProductName: 'VMware ESX Server',
  licenseProductVersion: '6.0',
});
