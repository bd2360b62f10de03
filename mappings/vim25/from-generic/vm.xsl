<?xml version="1.0" encoding="UTF-8"?>
<!-- A generic VM with its joins (<in>) to VirtualMachine, members in the order of the API's own type table. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:strip-space elements="*"/>
<xsl:template match="/in">
<bundle><member type="VirtualMachine" id="{x/@moid}">
  <overallStatus><xsl:value-of select="/in/x/@status"/></overallStatus>
  <configStatus>green</configStatus>
  <name><xsl:value-of select="x/@name"/></name>
  <xsl:for-each select="x/disabled"><disabledMethod><xsl:value-of select="@method"/></disabledMethod></xsl:for-each>
  <alarmActionsEnabled>true</alarmActionsEnabled>
  <xsl:call-template name="config"/>
  <xsl:call-template name="layout"/>
  <layoutEx>
    <xsl:for-each select="x/file"><file><key><xsl:value-of select="@key"/></key><name><xsl:value-of select="@name"/></name><type><xsl:value-of select="@type"/></type><size><xsl:value-of select="@size"/></size><uniqueSize><xsl:value-of select="@size"/></uniqueSize><accessible>true</accessible></file></xsl:for-each>
    <timestamp><xsl:value-of select="x/@modified"/></timestamp>
  </layoutEx>
  <storage>
    <xsl:for-each select="x/usage"><perDatastoreUsage><datastore type="Datastore"><xsl:value-of select="@datastore"/></datastore><committed><xsl:value-of select="@committed"/></committed><uncommitted><xsl:value-of select="@uncommitted"/></uncommitted><unshared><xsl:value-of select="@committed"/></unshared></perDatastoreUsage></xsl:for-each>
    <timestamp><xsl:value-of select="x/@modified"/></timestamp>
  </storage>
  <environmentBrowser type="EnvironmentBrowser"><xsl:text>ha-env-browser</xsl:text></environmentBrowser>
  <resourceConfig>
    <entity type="VirtualMachine"><xsl:value-of select="x/@moid"/></entity>
    <changeVersion><xsl:value-of select="x/@changeVersion"/></changeVersion>
    <lastModified><xsl:value-of select="x/@modified"/></lastModified>
    <xsl:call-template name="allocations"/>
  </resourceConfig>
  <runtime><xsl:call-template name="runtime"/></runtime>
  <guest>
    <toolsStatus><xsl:value-of select="x/@tools"/></toolsStatus>
    <toolsVersionStatus><xsl:value-of select="x/@toolsVersionStatus"/></toolsVersionStatus>
    <toolsVersionStatus2><xsl:value-of select="x/@toolsVersionStatus"/></toolsVersionStatus2>
    <toolsRunningStatus><xsl:value-of select="x/@toolsRunning"/></toolsRunningStatus>
    <toolsVersion>0</toolsVersion>
    <xsl:if test="x/@family"><guestId><xsl:value-of select="x/@guestId"/></guestId><guestFamily><xsl:value-of select="x/@family"/></guestFamily><guestFullName><xsl:value-of select="x/@guestFullName"/></guestFullName></xsl:if>
    <xsl:if test="x/@hostName"><hostName><xsl:value-of select="x/@hostName"/></hostName></xsl:if>
    <xsl:if test="x/@address"><ipAddress><xsl:value-of select="x/@address"/></ipAddress></xsl:if>
    <xsl:for-each select="x/net"><net>
      <network><xsl:value-of select="@network"/></network>
      <xsl:for-each select="ip"><ipAddress><xsl:value-of select="@address"/></ipAddress></xsl:for-each>
      <macAddress><xsl:value-of select="@mac"/></macAddress><connected><xsl:value-of select="@connected"/></connected><deviceConfigId><xsl:value-of select="@key"/></deviceConfigId>
      <ipConfig><xsl:for-each select="ip"><ipAddress><ipAddress><xsl:value-of select="@address"/></ipAddress><prefixLength><xsl:value-of select="@prefix"/></prefixLength><state>preferred</state></ipAddress></xsl:for-each></ipConfig>
    </net></xsl:for-each>
    <guestState><xsl:value-of select="x/@guestState"/></guestState>
    <appHeartbeatStatus>appStatusGray</appHeartbeatStatus>
    <guestOperationsReady>false</guestOperationsReady>
    <interactiveGuestOperationsReady>false</interactiveGuestOperationsReady>
    <guestStateChangeSupported><xsl:value-of select="vm/guest/toolsRunning"/></guestStateChangeSupported>
  </guest>
  <xsl:call-template name="summary"/>
  <xsl:if test="x/snapshot">
    <snapshot>
      <xsl:if test="x/@currentSnapshot"><currentSnapshot type="VirtualMachineSnapshot"><xsl:value-of select="x/@currentSnapshot"/></currentSnapshot></xsl:if>
      <xsl:for-each select="x/snapshot"><rootSnapshotList><xsl:call-template name="snapshot"/></rootSnapshotList></xsl:for-each>
    </snapshot>
    <xsl:for-each select="x/snapshot"><rootSnapshot type="VirtualMachineSnapshot"><xsl:value-of select="@ref"/></rootSnapshot></xsl:for-each>
  </xsl:if>
  <guestHeartbeatStatus>gray</guestHeartbeatStatus>
</member></bundle>
</xsl:template>

<xsl:template name="runtime">
    <host type="HostSystem">ha-host</host>
    <connectionState><xsl:value-of select="/in/x/@connection"/></connectionState>
    <powerState><xsl:value-of select="/in/x/@power"/></powerState>
    <faultToleranceState>notConfigured</faultToleranceState>
    <toolsInstallerMounted>false</toolsInstallerMounted>
    <xsl:if test="/in/x/@bootTime"><bootTime><xsl:value-of select="/in/x/@bootTime"/></bootTime></xsl:if>
    <maxCpuUsage><xsl:text>0</xsl:text></maxCpuUsage>
    <maxMemoryUsage><xsl:value-of select="/in/x/@memoryMB"/></maxMemoryUsage>
    <numMksConnections>0</numMksConnections>
    <recordReplayState>inactive</recordReplayState>
    <onlineStandby>false</onlineStandby>
    <consolidationNeeded>false</consolidationNeeded>
</xsl:template>

<xsl:template name="allocations">
    <cpuAllocation><reservation><xsl:value-of select="/in/x/@cpuReservation"/></reservation><expandableReservation>false</expandableReservation><limit><xsl:value-of select="/in/x/@cpuLimit"/></limit><shares><shares><xsl:value-of select="/in/x/@cpuShares"/></shares><level><xsl:value-of select="/in/x/@cpuLevel"/></level></shares></cpuAllocation>
    <memoryAllocation><reservation><xsl:value-of select="/in/x/@memoryReservation"/></reservation><expandableReservation>false</expandableReservation><limit><xsl:value-of select="/in/x/@memoryLimit"/></limit><shares><shares><xsl:value-of select="/in/x/@memoryShares"/></shares><level><xsl:value-of select="/in/x/@memoryLevel"/></level></shares></memoryAllocation>
</xsl:template>

<xsl:template name="summary">
  <summary>
    <vm type="VirtualMachine"><xsl:value-of select="x/@moid"/></vm>
    <runtime><xsl:call-template name="runtime"/></runtime>
    <guest>
      <guestId><xsl:value-of select="x/@guestId"/></guestId>
      <guestFullName><xsl:value-of select="x/@guestFullName"/></guestFullName>
      <toolsStatus><xsl:value-of select="x/@tools"/></toolsStatus>
      <toolsVersionStatus><xsl:value-of select="x/@toolsVersionStatus"/></toolsVersionStatus>
      <toolsVersionStatus2><xsl:value-of select="x/@toolsVersionStatus"/></toolsVersionStatus2>
      <toolsRunningStatus><xsl:value-of select="x/@toolsRunning"/></toolsRunningStatus>
      <xsl:if test="x/@hostName"><hostName><xsl:value-of select="x/@hostName"/></hostName></xsl:if>
      <xsl:if test="x/@address"><ipAddress><xsl:value-of select="x/@address"/></ipAddress></xsl:if>
    </guest>
    <config>
      <name><xsl:value-of select="x/@name"/></name>
      <template><xsl:value-of select="vm/template"/></template>
      <vmPathName><xsl:value-of select="x/@vmPathName"/></vmPathName>
      <memorySizeMB><xsl:value-of select="x/@memoryMB"/></memorySizeMB>
      <cpuReservation><xsl:value-of select="x/@cpuReservation"/></cpuReservation>
      <memoryReservation><xsl:value-of select="x/@memoryReservation"/></memoryReservation>
      <numCpu><xsl:value-of select="vm/cpuCount"/></numCpu>
      <numEthernetCards><xsl:value-of select="x/@numNics"/></numEthernetCards>
      <numVirtualDisks><xsl:value-of select="x/@numDisks"/></numVirtualDisks>
      <uuid><xsl:value-of select="vm/uuid"/></uuid>
      <instanceUuid><xsl:value-of select="x/@instanceUuid"/></instanceUuid>
      <guestId><xsl:value-of select="x/@guestId"/></guestId>
      <guestFullName><xsl:value-of select="x/@guestFullName"/></guestFullName>
      <annotation><xsl:value-of select="vm/description"/></annotation>
      <installBootRequired>false</installBootRequired>
    </config>
    <storage>
      <committed><xsl:value-of select="x/@committed"/></committed>
      <uncommitted><xsl:value-of select="x/@uncommitted"/></uncommitted>
      <unshared><xsl:value-of select="x/@committed"/></unshared>
      <timestamp><xsl:value-of select="x/@modified"/></timestamp>
    </storage>
    <quickStats>
      <overallCpuUsage>0</overallCpuUsage>
      <guestMemoryUsage>0</guestMemoryUsage>
      <hostMemoryUsage>0</hostMemoryUsage>
      <guestHeartbeatStatus>gray</guestHeartbeatStatus>
      <uptimeSeconds>0</uptimeSeconds>
    </quickStats>
    <overallStatus><xsl:value-of select="/in/x/@status"/></overallStatus>
  </summary>
</xsl:template>

<xsl:template name="snapshot">
  <snapshot type="VirtualMachineSnapshot"><xsl:value-of select="@ref"/></snapshot>
  <vm type="VirtualMachine"><xsl:value-of select="/in/x/@moid"/></vm>
  <name><xsl:value-of select="@name"/></name>
  <description><xsl:value-of select="@description"/></description>
  <id><xsl:value-of select="@number"/></id>
  <createTime><xsl:value-of select="@createTime"/></createTime>
  <state><xsl:value-of select="@state"/></state>
  <quiesced><xsl:value-of select="@quiesced"/></quiesced>
  <xsl:for-each select="snapshot"><childSnapshotList><xsl:call-template name="snapshot"/></childSnapshotList></xsl:for-each>
  <replaySupported>false</replaySupported>
</xsl:template>

<xsl:template name="config">
  <config>
    <changeVersion><xsl:value-of select="x/@changeVersion"/></changeVersion>
    <modified><xsl:value-of select="x/@modified"/></modified>
    <name><xsl:value-of select="x/@name"/></name>
    <guestFullName><xsl:value-of select="x/@guestFullName"/></guestFullName>
    <version><xsl:value-of select="x/@version"/></version>
    <uuid><xsl:value-of select="vm/uuid"/></uuid>
    <instanceUuid><xsl:value-of select="x/@instanceUuid"/></instanceUuid>
    <npivTemporaryDisabled>true</npivTemporaryDisabled>
    <template><xsl:value-of select="vm/template"/></template>
    <guestId><xsl:value-of select="x/@guestId"/></guestId>
    <alternateGuestName><xsl:value-of select="x/@alternateGuestName"/></alternateGuestName>
    <annotation><xsl:value-of select="vm/description"/></annotation>
    <files>
      <vmPathName><xsl:value-of select="x/@vmPathName"/></vmPathName>
      <snapshotDirectory><xsl:value-of select="x/@directory"/></snapshotDirectory>
      <suspendDirectory><xsl:value-of select="x/@directory"/></suspendDirectory>
      <logDirectory><xsl:value-of select="x/@directory"/></logDirectory>
    </files>
    <tools>
      <toolsVersion>0</toolsVersion>
      <afterPowerOn>true</afterPowerOn><afterResume>true</afterResume>
      <beforeGuestStandby>true</beforeGuestStandby><beforeGuestShutdown>true</beforeGuestShutdown>
      <toolsUpgradePolicy>manual</toolsUpgradePolicy>
      <syncTimeWithHost>false</syncTimeWithHost>
    </tools>
    <flags>
      <disableAcceleration>false</disableAcceleration><enableLogging>true</enableLogging><useToe>false</useToe><runWithDebugInfo>false</runWithDebugInfo>
      <monitorType>release</monitorType><htSharing>any</htSharing><snapshotDisabled>false</snapshotDisabled><snapshotLocked>false</snapshotLocked>
      <diskUuidEnabled>false</diskUuidEnabled><virtualMmuUsage>automatic</virtualMmuUsage><virtualExecUsage>hvAuto</virtualExecUsage>
      <snapshotPowerOffBehavior>powerOff</snapshotPowerOffBehavior><recordReplayEnabled>false</recordReplayEnabled><faultToleranceType>unset</faultToleranceType>
    </flags>
    <defaultPowerOps>
      <powerOffType>soft</powerOffType><suspendType>hard</suspendType><resetType>soft</resetType><defaultPowerOffType>soft</defaultPowerOffType>
      <defaultSuspendType>hard</defaultSuspendType><defaultResetType>soft</defaultResetType><standbyAction>checkpoint</standbyAction>
    </defaultPowerOps>
    <hardware>
      <numCPU><xsl:value-of select="vm/cpuCount"/></numCPU>
      <numCoresPerSocket><xsl:value-of select="vm/coresPerSocket"/></numCoresPerSocket>
      <memoryMB><xsl:value-of select="x/@memoryMB"/></memoryMB>
      <virtualICH7MPresent>false</virtualICH7MPresent><virtualSMCPresent>false</virtualSMCPresent>
      <xsl:apply-templates select="x/devices/ide"/>
      <xsl:call-template name="fixed-devices"/>
      <xsl:apply-templates select="x/devices/scsi"/>
      <xsl:apply-templates select="x/devices/controller"/>
      <xsl:apply-templates select="x/devices/cdrom"/>
      <xsl:apply-templates select="x/devices/disk"/>
      <xsl:apply-templates select="x/devices/floppy"/>
      <xsl:apply-templates select="x/devices/nic"/>
    </hardware>
    <xsl:call-template name="allocations"/>
    <latencySensitivity><level>normal</level></latencySensitivity>
    <memoryHotAddEnabled><xsl:value-of select="vm/memoryHotAdd"/></memoryHotAddEnabled>
    <cpuHotAddEnabled><xsl:value-of select="vm/cpuHotAdd"/></cpuHotAddEnabled>
    <cpuHotRemoveEnabled>false</cpuHotRemoveEnabled>
    <xsl:for-each select="x/extra"><extraConfig><key><xsl:value-of select="@key"/></key><value xsi:type="xsd:string"><xsl:value-of select="@value"/></value></extraConfig></xsl:for-each>
    <xsl:for-each select="x/usage"><datastoreUrl><name><xsl:value-of select="@name"/></name><url><xsl:value-of select="@url"/></url></datastoreUrl></xsl:for-each>
    <swapPlacement>inherit</swapPlacement>
    <bootOptions>
      <bootDelay>0</bootDelay><enterBIOSSetup>false</enterBIOSSetup><efiSecureBootEnabled><xsl:value-of select="vm/secureBoot"/></efiSecureBootEnabled>
      <bootRetryEnabled>false</bootRetryEnabled><bootRetryDelay>10000</bootRetryDelay>
      <xsl:for-each select="x/bootable"><bootOrder xsi:type="{@type}"><xsl:if test="@deviceKey"><deviceKey><xsl:value-of select="@deviceKey"/></deviceKey></xsl:if></bootOrder></xsl:for-each>
      <networkBootProtocol>ipv4</networkBootProtocol>
    </bootOptions>
    <vAssertsEnabled>false</vAssertsEnabled>
    <changeTrackingEnabled>false</changeTrackingEnabled>
    <firmware><xsl:value-of select="vm/firmware"/></firmware>
    <maxMksConnections>40</maxMksConnections>
    <guestAutoLockEnabled>false</guestAutoLockEnabled>
    <memoryReservationLockedToMax>false</memoryReservationLockedToMax>
    <nestedHVEnabled><xsl:choose><xsl:when test="x/@nestedHV">true</xsl:when><xsl:otherwise>false</xsl:otherwise></xsl:choose></nestedHVEnabled>
    <vPMCEnabled>false</vPMCEnabled>
    <messageBusTunnelEnabled>false</messageBusTunnelEnabled>
  </config>
</xsl:template>

<xsl:template match="ide"><device xsi:type="VirtualIDEController"><key><xsl:value-of select="@key"/></key><deviceInfo><label>IDE <xsl:value-of select="@busNumber"/></label><summary>IDE <xsl:value-of select="@busNumber"/></summary></deviceInfo><busNumber><xsl:value-of select="@busNumber"/></busNumber><xsl:for-each select="on"><device><xsl:value-of select="@key"/></device></xsl:for-each></device></xsl:template>

<xsl:template name="fixed-devices">
  <device xsi:type="VirtualPS2Controller"><key>300</key><deviceInfo><label>PS2 controller 0</label><summary>PS2 controller 0</summary></deviceInfo><busNumber>0</busNumber><device>600</device><device>700</device></device>
  <device xsi:type="VirtualPCIController"><key>100</key><deviceInfo><label>PCI controller 0</label><summary>PCI controller 0</summary></deviceInfo><busNumber>0</busNumber><device>500</device><device>12000</device><xsl:for-each select="x/devices/scsi"><device><xsl:value-of select="@key"/></device></xsl:for-each><xsl:for-each select="x/devices/controller"><device><xsl:value-of select="@key"/></device></xsl:for-each><xsl:for-each select="x/devices/nic"><device><xsl:value-of select="@key"/></device></xsl:for-each></device>
  <device xsi:type="VirtualSIOController"><key>400</key><deviceInfo><label>SIO controller 0</label><summary>SIO controller 0</summary></deviceInfo><busNumber>0</busNumber><xsl:for-each select="x/devices/floppy"><device><xsl:value-of select="@key"/></device></xsl:for-each></device>
  <device xsi:type="VirtualKeyboard"><key>600</key><deviceInfo><label>Keyboard</label><summary>Keyboard</summary></deviceInfo><controllerKey>300</controllerKey><unitNumber>0</unitNumber></device>
  <device xsi:type="VirtualPointingDevice"><key>700</key><deviceInfo><label>Pointing device</label><summary>Pointing device; Device</summary></deviceInfo><backing xsi:type="VirtualPointingDeviceDeviceBackingInfo"><deviceName></deviceName><useAutoDetect>false</useAutoDetect><hostPointingDevice>autodetect</hostPointingDevice></backing><controllerKey>300</controllerKey><unitNumber>1</unitNumber></device>
  <device xsi:type="VirtualMachineVideoCard"><key>500</key><deviceInfo><label>Video card</label><summary>Video card</summary></deviceInfo><controllerKey>100</controllerKey><unitNumber>0</unitNumber><videoRamSizeInKB>4096</videoRamSizeInKB><numDisplays>1</numDisplays><useAutoDetect>false</useAutoDetect><enable3DSupport>false</enable3DSupport><use3dRenderer>automatic</use3dRenderer></device>
  <device xsi:type="VirtualMachineVMCIDevice"><key>12000</key><deviceInfo><label>VMCI device</label><summary>Device on the virtual machine PCI bus that provides support for the virtual machine communication interface</summary></deviceInfo><controllerKey>100</controllerKey><unitNumber>17</unitNumber><allowUnrestrictedCommunication>false</allowUnrestrictedCommunication></device>
</xsl:template>

<xsl:template match="scsi"><device xsi:type="{@type}"><key><xsl:value-of select="@key"/></key><deviceInfo><label>SCSI controller <xsl:value-of select="@busNumber"/></label><summary><xsl:value-of select="@summary"/></summary></deviceInfo><controllerKey>100</controllerKey><unitNumber><xsl:value-of select="@unitNumber"/></unitNumber><busNumber><xsl:value-of select="@busNumber"/></busNumber><xsl:for-each select="on"><device><xsl:value-of select="@key"/></device></xsl:for-each><hotAddRemove>true</hotAddRemove><sharedBus>noSharing</sharedBus><scsiCtlrUnitNumber>7</scsiCtlrUnitNumber></device></xsl:template>

<xsl:template match="controller"><device xsi:type="{@type}"><key><xsl:value-of select="@key"/></key><deviceInfo><label><xsl:value-of select="@label"/></label><summary><xsl:value-of select="@summary"/></summary></deviceInfo><controllerKey>100</controllerKey><unitNumber>24</unitNumber><busNumber><xsl:value-of select="@busNumber"/></busNumber><xsl:for-each select="on"><device><xsl:value-of select="@key"/></device></xsl:for-each></device></xsl:template>

<xsl:template match="disk"><device xsi:type="VirtualDisk"><key><xsl:value-of select="@key"/></key><deviceInfo><label><xsl:value-of select="@label"/></label><summary><xsl:value-of select="@summary"/></summary></deviceInfo><backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName><xsl:value-of select="@fileName"/></fileName><xsl:if test="@datastore"><datastore type="Datastore"><xsl:value-of select="@datastore"/></datastore></xsl:if><diskMode><xsl:value-of select="@diskMode"/></diskMode><split>false</split><writeThrough>false</writeThrough><thinProvisioned><xsl:value-of select="@thin"/></thinProvisioned><eagerlyScrub>false</eagerlyScrub><xsl:if test="@uuid"><uuid><xsl:value-of select="@uuid"/></uuid></xsl:if><digestEnabled>false</digestEnabled><sharing><xsl:value-of select="@sharing"/></sharing></backing><controllerKey><xsl:value-of select="@controllerKey"/></controllerKey><unitNumber><xsl:value-of select="@unitNumber"/></unitNumber><capacityInKB><xsl:value-of select="@capacityKB"/></capacityInKB><capacityInBytes><xsl:value-of select="@capacityBytes"/></capacityInBytes><shares><shares>1000</shares><level>normal</level></shares><storageIOAllocation><limit>-1</limit><shares><shares>1000</shares><level>normal</level></shares><reservation>0</reservation></storageIOAllocation></device></xsl:template>

<xsl:template match="cdrom"><device xsi:type="VirtualCdrom"><key><xsl:value-of select="@key"/></key><deviceInfo><label><xsl:value-of select="@label"/></label><summary><xsl:value-of select="@summary"/></summary></deviceInfo><xsl:choose><xsl:when test="@fileName"><backing xsi:type="VirtualCdromIsoBackingInfo"><fileName><xsl:value-of select="@fileName"/></fileName><xsl:if test="@datastore"><datastore type="Datastore"><xsl:value-of select="@datastore"/></datastore></xsl:if></backing></xsl:when><xsl:otherwise><backing xsi:type="VirtualCdromRemotePassthroughBackingInfo"><deviceName></deviceName><useAutoDetect>false</useAutoDetect><exclusive>false</exclusive></backing></xsl:otherwise></xsl:choose><xsl:call-template name="connectable"/></device></xsl:template>

<xsl:template match="floppy"><device xsi:type="VirtualFloppy"><key><xsl:value-of select="@key"/></key><deviceInfo><label><xsl:value-of select="@label"/></label><summary><xsl:value-of select="@summary"/></summary></deviceInfo><xsl:choose><xsl:when test="@fileName"><backing xsi:type="VirtualFloppyImageBackingInfo"><fileName><xsl:value-of select="@fileName"/></fileName></backing></xsl:when><xsl:otherwise><backing xsi:type="VirtualFloppyRemoteDeviceBackingInfo"><deviceName></deviceName><useAutoDetect>false</useAutoDetect></backing></xsl:otherwise></xsl:choose><xsl:call-template name="connectable"/></device></xsl:template>

<xsl:template name="connectable"><connectable><startConnected><xsl:value-of select="@startConnected"/></startConnected><allowGuestControl>true</allowGuestControl><connected><xsl:value-of select="@connected"/></connected><status>untried</status></connectable><controllerKey><xsl:value-of select="@controllerKey"/></controllerKey><unitNumber><xsl:value-of select="@unitNumber"/></unitNumber></xsl:template>

<xsl:template match="nic"><device xsi:type="{@type}"><key><xsl:value-of select="@key"/></key><deviceInfo><label><xsl:value-of select="@label"/></label><summary><xsl:value-of select="@summary"/></summary></deviceInfo><backing xsi:type="VirtualEthernetCardNetworkBackingInfo"><deviceName><xsl:value-of select="@networkName"/></deviceName><useAutoDetect>false</useAutoDetect><xsl:if test="@network"><network type="Network"><xsl:value-of select="@network"/></network></xsl:if><inPassthroughMode>false</inPassthroughMode></backing><connectable><startConnected><xsl:value-of select="@startConnected"/></startConnected><allowGuestControl>true</allowGuestControl><connected><xsl:value-of select="@connected"/></connected><status><xsl:value-of select="@status"/></status></connectable><controllerKey>100</controllerKey><unitNumber><xsl:value-of select="@unitNumber"/></unitNumber><addressType><xsl:value-of select="@addressType"/></addressType><macAddress><xsl:value-of select="@mac"/></macAddress><wakeOnLanEnabled>true</wakeOnLanEnabled><uptCompatibilityEnabled>false</uptCompatibilityEnabled></device></xsl:template>

<xsl:template name="layout">
  <layout>
    <xsl:for-each select="x/file[@type='config']"><configFile><xsl:value-of select="@name"/></configFile></xsl:for-each>
    <xsl:for-each select="x/devices/disk"><disk><key><xsl:value-of select="@key"/></key><diskFile><xsl:value-of select="@fileName"/></diskFile></disk></xsl:for-each>
  </layout>
</xsl:template>

</xsl:stylesheet>
