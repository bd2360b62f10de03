<?xml version="1.0" encoding="UTF-8"?>
<!-- A generic host with its networks and storages (<in>) to the bundle of objects that an ESXi host shows of itself. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:strip-space elements="*"/>
<xsl:template match="/in">
<bundle>
<member type="HostSystem" id="ha-host">
  <xsl:call-template name="entity"><xsl:with-param name="name" select="host/name"/><xsl:with-param name="status" select="x/@status"/></xsl:call-template>
  <runtime><xsl:call-template name="runtime"/></runtime>
  <summary>
    <host type="HostSystem">ha-host</host>
    <hardware>
      <vendor><xsl:value-of select="host/vendor"/></vendor><model><xsl:value-of select="host/model"/></model><uuid><xsl:value-of select="host/uuid"/></uuid>
      <memorySize><xsl:value-of select="host/memoryBytes"/></memorySize><cpuModel><xsl:value-of select="host/cpuModel"/></cpuModel><cpuMhz><xsl:value-of select="host/cpuMhz"/></cpuMhz>
      <numCpuPkgs><xsl:value-of select="host/cpuPackages"/></numCpuPkgs><numCpuCores><xsl:value-of select="host/cpuCores"/></numCpuCores><numCpuThreads><xsl:value-of select="host/cpuThreads"/></numCpuThreads>
      <numNics><xsl:value-of select="x/@numNics"/></numNics><numHBAs>1</numHBAs>
    </hardware>
    <runtime><xsl:call-template name="runtime"/></runtime>
    <config><name><xsl:value-of select="host/name"/></name><port><xsl:value-of select="x/@port"/></port><xsl:if test="x/@thumbprint"><sslThumbprint><xsl:value-of select="x/@thumbprint"/></sslThumbprint></xsl:if><product><xsl:call-template name="about"/></product><vmotionEnabled>false</vmotionEnabled><faultToleranceEnabled>false</faultToleranceEnabled></config>
    <quickStats><overallCpuUsage>0</overallCpuUsage><overallMemoryUsage>0</overallMemoryUsage><distributedCpuFairness>0</distributedCpuFairness><distributedMemoryFairness>0</distributedMemoryFairness><uptime>0</uptime></quickStats>
    <overallStatus><xsl:value-of select="x/@status"/></overallStatus>
    <rebootRequired>false</rebootRequired>
  </summary>
  <hardware>
    <systemInfo><vendor><xsl:value-of select="host/vendor"/></vendor><model><xsl:value-of select="host/model"/></model><uuid><xsl:value-of select="host/uuid"/></uuid></systemInfo>
    <cpuInfo><numCpuPackages><xsl:value-of select="host/cpuPackages"/></numCpuPackages><numCpuCores><xsl:value-of select="host/cpuCores"/></numCpuCores><numCpuThreads><xsl:value-of select="host/cpuThreads"/></numCpuThreads><hz><xsl:value-of select="x/@hz"/></hz></cpuInfo>
    <xsl:for-each select="x/package"><cpuPkg><index><xsl:value-of select="@index"/></index><vendor><xsl:value-of select="@vendor"/></vendor><hz><xsl:value-of select="/in/x/@hz"/></hz><busHz>0</busHz><description><xsl:value-of select="/in/host/cpuModel"/></description><xsl:for-each select="thread"><threadId><xsl:value-of select="@id"/></threadId></xsl:for-each></cpuPkg></xsl:for-each>
    <memorySize><xsl:value-of select="host/memoryBytes"/></memorySize>
    <numaInfo><type><xsl:text>NUMA</xsl:text></type><numNodes><xsl:value-of select="host/numaNodes"/></numNodes></numaInfo>
    <smcPresent>false</smcPresent>
    <cpuFeature><level>-2147483647</level><eax>0000:0000:0000:0000:0000:0000:0000:0000</eax><ebx>0000:0000:0000:0000:0000:0000:0000:0000</ebx><ecx>0000:0000:0000:0000:0000:0000:0000:0000</ecx><edx>0010:1100:0001:0000:0000:1000:0000:0000</edx></cpuFeature>
  </hardware>
  <capability>
    <recursiveResourcePoolsSupported>false</recursiveResourcePoolsSupported>
    <cpuMemoryResourceConfigurationSupported>true</cpuMemoryResourceConfigurationSupported>
    <rebootSupported>false</rebootSupported>
    <shutdownSupported>false</shutdownSupported>
    <vmotionSupported>false</vmotionSupported>
    <standbySupported>false</standbySupported>
    <maxSupportedVMs>1024</maxSupportedVMs>
    <maxRunningVMs>1024</maxRunningVMs>
    <maxSupportedVcpus><xsl:value-of select="host/vmCpuMax"/></maxSupportedVcpus>
    <datastorePrincipalSupported>false</datastorePrincipalSupported>
    <sanSupported>false</sanSupported>
    <nfsSupported>true</nfsSupported>
    <iscsiSupported>false</iscsiSupported>
    <vlanTaggingSupported>true</vlanTaggingSupported>
    <nicTeamingSupported>false</nicTeamingSupported>
    <highGuestMemSupported>true</highGuestMemSupported>
    <maintenanceModeSupported>false</maintenanceModeSupported>
    <suspendedRelocateSupported>false</suspendedRelocateSupported>
    <restrictedSnapshotRelocateSupported>false</restrictedSnapshotRelocateSupported>
    <perVmSwapFiles>false</perVmSwapFiles>
    <localSwapDatastoreSupported>false</localSwapDatastoreSupported>
    <unsharedSwapVMotionSupported>false</unsharedSwapVMotionSupported>
    <backgroundSnapshotsSupported>true</backgroundSnapshotsSupported>
    <preAssignedPCIUnitNumbersSupported>true</preAssignedPCIUnitNumbersSupported>
    <screenshotSupported>true</screenshotSupported>
    <scaledScreenshotSupported>false</scaledScreenshotSupported>
    <storageVMotionSupported>false</storageVMotionSupported>
    <vmotionWithStorageVMotionSupported>false</vmotionWithStorageVMotionSupported>
    <hbrNicSelectionSupported>false</hbrNicSelectionSupported>
    <vrNfcNicSelectionSupported>false</vrNfcNicSelectionSupported>
    <recordReplaySupported>false</recordReplaySupported>
    <ftSupported>false</ftSupported>
    <smpFtSupported>false</smpFtSupported>
    <cloneFromSnapshotSupported>false</cloneFromSnapshotSupported>
    <deltaDiskBackingsSupported>true</deltaDiskBackingsSupported>
    <perVMNetworkTrafficShapingSupported>false</perVMNetworkTrafficShapingSupported>
    <tpmSupported>false</tpmSupported>
    <virtualExecUsageSupported>false</virtualExecUsageSupported>
    <storageIORMSupported>false</storageIORMSupported>
    <supportedVmfsMajorVersion>5</supportedVmfsMajorVersion><supportedVmfsMajorVersion>6</supportedVmfsMajorVersion>
    <vStorageCapable>true</vStorageCapable>
    <snapshotRelayoutSupported>false</snapshotRelayoutSupported>
    <maxHostRunningVms>1024</maxHostRunningVms>
    <maxHostSupportedVcpus><xsl:value-of select="host/vmCpuMax"/></maxHostSupportedVcpus>
    <vmfsDatastoreMountCapable>true</vmfsDatastoreMountCapable>
    <eightPlusHostVmfsSharedAccessSupported>false</eightPlusHostVmfsSharedAccessSupported>
    <nestedHVSupported>false</nestedHVSupported>
    <vPMCSupported>false</vPMCSupported>
    <interVMCommunicationThroughVMCISupported>false</interVMCommunicationThroughVMCISupported>
    <featureCapabilitiesSupported>false</featureCapabilitiesSupported>
    <latencySensitivitySupported>false</latencySensitivitySupported>
    <accel3dSupported>false</accel3dSupported>
    <provisioningNicSelectionSupported>false</provisioningNicSelectionSupported>
  </capability>
  <licensableResource><resource><key><xsl:text>numCpuPackages</xsl:text></key><value xsi:type="xsd:long"><xsl:value-of select="host/cpuPackages"/></value></resource></licensableResource>
  <configManager><xsl:for-each select="x/manager"><xsl:element name="{@member}"><xsl:attribute name="type"><xsl:value-of select="@type"/></xsl:attribute><xsl:value-of select="@moid"/></xsl:element></xsl:for-each></configManager>
  <config>
    <host type="HostSystem">ha-host</host>
    <product><xsl:call-template name="about"/></product>
    <hyperThread><available><xsl:value-of select="x/@hyperThread"/></available><active><xsl:value-of select="x/@hyperThread"/></active><config><xsl:value-of select="x/@hyperThread"/></config></hyperThread>
    <storageDevice><xsl:call-template name="storage-device"/></storageDevice>
    <fileSystemVolume><xsl:call-template name="volumes"/></fileSystemVolume>
    <network><xsl:call-template name="network"/></network>
    <capabilities><xsl:call-template name="net-capabilities"/></capabilities>
    <datastoreCapabilities><xsl:call-template name="datastore-capabilities"/></datastoreCapabilities>
    <service><xsl:text></xsl:text></service>
    <firewall><xsl:call-template name="firewall"/></firewall>
    <autoStart><xsl:call-template name="auto-start"/></autoStart>
    <dateTimeInfo><xsl:call-template name="date-time"/></dateTimeInfo>
    <lockdownMode>lockdownDisabled</lockdownMode>
    <xsl:for-each select="x/byte"><certificate><xsl:value-of select="@value"/></certificate></xsl:for-each>
  </config>
  <datastoreBrowser type="HostDatastoreBrowser">ha-host-datastorebrowser</datastoreBrowser>
  <systemResources><key>host</key><config><xsl:call-template name="pool-config"/></config></systemResources>
</member>
<member type="ComputeResource" id="ha-compute-res">
  <xsl:call-template name="entity"><xsl:with-param name="name" select="host/name"/></xsl:call-template>
  <resourcePool type="ResourcePool">ha-root-pool</resourcePool>
  <host type="HostSystem">ha-host</host>
  <summary>
    <totalCpu><xsl:value-of select="x/@totalMhz"/></totalCpu><totalMemory><xsl:value-of select="host/memoryBytes"/></totalMemory><numCpuCores><xsl:value-of select="host/cpuCores"/></numCpuCores><numCpuThreads><xsl:value-of select="host/cpuThreads"/></numCpuThreads>
    <effectiveCpu><xsl:value-of select="x/@totalMhz"/></effectiveCpu><effectiveMemory><xsl:value-of select="x/@memoryMB"/></effectiveMemory><numHosts>1</numHosts><numEffectiveHosts>1</numEffectiveHosts><overallStatus>green</overallStatus>
  </summary>
  <environmentBrowser type="EnvironmentBrowser">ha-env-browser</environmentBrowser>
  <configurationEx><vmSwapPlacement>vmDirectory</vmSwapPlacement></configurationEx>
</member>
<member type="ResourcePool" id="ha-root-pool">
  <xsl:call-template name="entity"><xsl:with-param name="name"><xsl:text>Resources</xsl:text></xsl:with-param></xsl:call-template>
  <summary xsi:type="ResourcePoolSummary"><name>Resources</name><config><xsl:call-template name="pool-config"/></config><runtime><xsl:call-template name="pool-runtime"/></runtime><quickStats><overallCpuUsage>0</overallCpuUsage><guestMemoryUsage>0</guestMemoryUsage><hostMemoryUsage>0</hostMemoryUsage></quickStats></summary>
  <runtime><xsl:call-template name="pool-runtime"/></runtime>
  <owner type="ComputeResource">ha-compute-res</owner>
  <config><xsl:call-template name="pool-config"/></config>
</member>
<member type="HostNetworkSystem" id="networkSystem">
  <capabilities><xsl:call-template name="net-capabilities"/></capabilities>
  <networkInfo><xsl:call-template name="network"/></networkInfo>
  <dnsConfig><xsl:call-template name="dns"/></dnsConfig>
  <ipRouteConfig><xsl:text></xsl:text></ipRouteConfig>
</member>
<member type="HostVirtualNicManager" id="ha-vnic-mgr">
  <info><netConfig><nicType>management</nicType><multiSelectAllowed>true</multiSelectAllowed></netConfig></info>
</member>
<member type="HostStorageSystem" id="storageSystem">
  <storageDeviceInfo><xsl:call-template name="storage-device"/></storageDeviceInfo>
  <fileSystemVolumeInfo><xsl:call-template name="volumes"/></fileSystemVolumeInfo>
</member>
<member type="HostDatastoreSystem" id="ha-datastoresystem">
  <capabilities><xsl:call-template name="datastore-capabilities"/></capabilities>
</member>
<member type="HostServiceSystem" id="serviceSystem"><serviceInfo><xsl:text></xsl:text></serviceInfo></member>
<member type="HostFirewallSystem" id="firewallSystem"><firewallInfo><xsl:call-template name="firewall"/></firewallInfo></member>
<member type="HostDateTimeSystem" id="dateTimeSystem"><dateTimeInfo><xsl:call-template name="date-time"/></dateTimeInfo></member>
<member type="HostAutoStartManager" id="ha-autostart-mgr"><config><xsl:call-template name="auto-start"/></config></member>
</bundle>
</xsl:template>

<xsl:template name="entity"><xsl:param name="name"/><xsl:param name="status"><xsl:text>green</xsl:text></xsl:param>
  <overallStatus><xsl:value-of select="$status"/></overallStatus><configStatus>green</configStatus><name><xsl:value-of select="$name"/></name><alarmActionsEnabled>true</alarmActionsEnabled>
</xsl:template>
<xsl:template name="runtime"><connectionState><xsl:value-of select="x/@connection"/></connectionState><powerState><xsl:value-of select="x/@power"/></powerState><inMaintenanceMode><xsl:value-of select="host/maintenance"/></inMaintenanceMode><xsl:if test="x/@bootTime"><bootTime><xsl:value-of select="x/@bootTime"/></bootTime></xsl:if></xsl:template>
<xsl:template name="about"><xsl:for-each select="x/about"><xsl:element name="{@member}"><xsl:value-of select="@value"/></xsl:element></xsl:for-each></xsl:template>
<xsl:template name="share"><xsl:param name="limit"/><reservation><xsl:value-of select="$limit"/></reservation><expandableReservation>false</expandableReservation><limit><xsl:value-of select="$limit"/></limit><shares><shares>9000</shares><level>custom</level></shares></xsl:template>
<xsl:template name="pool-config"><entity type="ResourcePool">ha-root-pool</entity><cpuAllocation><xsl:call-template name="share"><xsl:with-param name="limit" select="/in/x/@totalMhz"/></xsl:call-template></cpuAllocation><memoryAllocation><xsl:call-template name="share"><xsl:with-param name="limit" select="/in/x/@memoryMB"/></xsl:call-template></memoryAllocation></xsl:template>
<xsl:template name="usage"><xsl:param name="max"/><reservationUsed>0</reservationUsed><reservationUsedForVm>0</reservationUsedForVm><unreservedForPool><xsl:value-of select="$max"/></unreservedForPool><unreservedForVm><xsl:value-of select="$max"/></unreservedForVm><overallUsage>0</overallUsage><maxUsage><xsl:value-of select="$max"/></maxUsage></xsl:template>
<xsl:template name="pool-runtime"><memory><xsl:call-template name="usage"><xsl:with-param name="max" select="host/memoryBytes"/></xsl:call-template></memory><cpu><xsl:call-template name="usage"><xsl:with-param name="max" select="x/@totalMhz"/></xsl:call-template></cpu><overallStatus>green</overallStatus></xsl:template>
<xsl:template name="net-capabilities"><canSetPhysicalNicLinkSpeed>false</canSetPhysicalNicLinkSpeed><supportsNicTeaming>false</supportsNicTeaming><supportsVlan>true</supportsVlan><usesServiceConsoleNic>false</usesServiceConsoleNic><supportsNetworkHints>false</supportsNetworkHints><vswitchConfigSupported>true</vswitchConfigSupported><vnicConfigSupported>false</vnicConfigSupported><ipRouteConfigSupported>false</ipRouteConfigSupported><dnsConfigSupported>false</dnsConfigSupported><dhcpOnVnicSupported>false</dhcpOnVnicSupported><ipV6Supported>true</ipV6Supported></xsl:template>
<xsl:template name="datastore-capabilities"><nfsMountCreationRequired>true</nfsMountCreationRequired><nfsMountCreationSupported>true</nfsMountCreationSupported><localDatastoreSupported>true</localDatastoreSupported><vmfsExtentExpansionSupported>false</vmfsExtentExpansionSupported></xsl:template>
<xsl:template name="storage-device"><hostBusAdapter xsi:type="HostBlockHba"><key>key-vim.host.BlockHba-vmhba0</key><device>vmhba0</device><bus>0</bus><status>unknown</status><model>Local storage</model><driver>local</driver><pci>0000:00:00.0</pci></hostBusAdapter><softwareInternetScsiEnabled>false</softwareInternetScsiEnabled></xsl:template>
<xsl:template name="volumes"><volumeTypeList>VMFS</volumeTypeList><volumeTypeList>NFS</volumeTypeList><xsl:for-each select="x/storage"><mountInfo><mountInfo><path><xsl:value-of select="@path"/></path><accessMode>readWrite</accessMode><mounted>true</mounted><accessible>true</accessible></mountInfo><volume xsi:type="HostLocalFileSystemVolume"><type>other</type><name><xsl:value-of select="@name"/></name><capacity>0</capacity><device><xsl:value-of select="@path"/></device></volume></mountInfo></xsl:for-each></xsl:template>
<xsl:template name="dns"><dhcp>false</dhcp><hostName><xsl:value-of select="x/@hostName"/></hostName><domainName><xsl:value-of select="host/domain"/></domainName><xsl:for-each select="host/dnsServer"><address><xsl:value-of select="."/></address></xsl:for-each></xsl:template>
<xsl:template name="policy"><security><allowPromiscuous>false</allowPromiscuous><macChanges>true</macChanges><forgedTransmits>true</forgedTransmits></security></xsl:template>
<xsl:template name="network">
  <xsl:for-each select="x/network"><vswitch><name><xsl:value-of select="@name"/></name><key>key-vim.host.VirtualSwitch-<xsl:value-of select="@name"/></key><numPorts>1536</numPorts><numPortsAvailable>1530</numPortsAvailable><mtu>1500</mtu><portgroup>key-vim.host.PortGroup-<xsl:value-of select="@name"/></portgroup><spec><numPorts>128</numPorts><policy><xsl:call-template name="policy"/></policy><mtu>1500</mtu></spec></vswitch></xsl:for-each>
  <xsl:for-each select="x/network"><portgroup><key>key-vim.host.PortGroup-<xsl:value-of select="@name"/></key><vswitch>key-vim.host.VirtualSwitch-<xsl:value-of select="@name"/></vswitch><computedPolicy><xsl:call-template name="policy"/></computedPolicy><spec><name><xsl:value-of select="@name"/></name><vlanId>0</vlanId><vswitchName><xsl:value-of select="@name"/></vswitchName><policy><xsl:call-template name="policy"/></policy></spec></portgroup></xsl:for-each>
  <xsl:for-each select="host/nic"><pnic><key>key-vim.host.PhysicalNic-<xsl:value-of select="name"/></key><device><xsl:value-of select="name"/></device><pci><xsl:value-of select="pci"/></pci><driver><xsl:value-of select="driver"/></driver><linkSpeed><speedMb><xsl:value-of select="linkMbps"/></speedMb><duplex><xsl:value-of select="duplex"/></duplex></linkSpeed><spec><xsl:text></xsl:text></spec><wakeOnLanSupported>false</wakeOnLanSupported><mac><xsl:value-of select="mac"/></mac></pnic></xsl:for-each>
  <dnsConfig><xsl:call-template name="dns"/></dnsConfig>
  <ipRouteConfig><xsl:text></xsl:text></ipRouteConfig>
  <ipV6Enabled>true</ipV6Enabled>
</xsl:template>
<xsl:template name="firewall"><defaultPolicy><incomingBlocked>false</incomingBlocked><outgoingBlocked>false</outgoingBlocked></defaultPolicy><xsl:for-each select="/in/x/ruleset"><ruleset><key><xsl:value-of select="@key"/></key><label><xsl:value-of select="@label"/></label><required>true</required><xsl:for-each select="rule"><rule><port><xsl:value-of select="@port"/></port><xsl:if test="@endPort"><endPort><xsl:value-of select="@endPort"/></endPort></xsl:if><direction><xsl:value-of select="@direction"/></direction><portType>dst</portType><protocol><xsl:value-of select="@protocol"/></protocol></rule></xsl:for-each><enabled>true</enabled><allowedHosts><allIp>true</allIp></allowedHosts></ruleset></xsl:for-each></xsl:template>
<xsl:template name="auto-start"><defaults><enabled>true</enabled><startDelay>0</startDelay><stopDelay>0</stopDelay><waitForHeartbeat>false</waitForHeartbeat><stopAction>PowerOff</stopAction></defaults></xsl:template>
<xsl:template name="date-time"><timeZone><key><xsl:value-of select="x/@timeZone"/></key><name><xsl:value-of select="x/@timeZone"/></name><description><xsl:value-of select="x/@timeZone"/></description><gmtOffset>0</gmtOffset></timeZone></xsl:template>
</xsl:stylesheet>
