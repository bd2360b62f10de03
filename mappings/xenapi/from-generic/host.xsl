<?xml version="1.0" encoding="UTF-8"?>
<!-- A generic host (<in>) to its records: pool, host, host_metrics, host_cpu, PIFs with their networks, the control domain, built-in templates, storage managers. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:strip-space elements="*"/>
<xsl:template match="/in">
<bundle>
  <xsl:variable name="host" select="host"/>
  <xsl:variable name="x" select="x"/>
  <member type="pool" id="{x/@poolRef}">
    <uuid><xsl:value-of select="x/@poolUuid"/></uuid>
    <master><xsl:value-of select="x/@hostRef"/></master>
    <restrictions><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'restrictions']"/></xsl:call-template></restrictions>
    <cpu_info><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'cpu_info']"/></xsl:call-template></cpu_info>
  </member>
  <member type="host" id="{x/@hostRef}">
    <uuid><xsl:value-of select="x/@uuid"/></uuid>
    <name_label><xsl:value-of select="x/@name"/></name_label>
    <API_version_major><xsl:value-of select="x/@major"/></API_version_major>
    <API_version_minor><xsl:value-of select="x/@minor"/></API_version_minor>
    <API_version_vendor><xsl:value-of select="x/@apiVendor"/></API_version_vendor>
    <enabled><xsl:value-of select="x/@enabled"/></enabled>
    <software_version><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'software_version']"/></xsl:call-template></software_version>
    <other_config><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'other_config']"/></xsl:call-template></other_config>
    <capabilities><xsl:for-each select="x/capability"><i><xsl:value-of select="@name"/></i></xsl:for-each></capabilities>
    <sched_policy>credit</sched_policy>
    <PIFs><xsl:for-each select="x/interface"><i><xsl:value-of select="@ref"/></i></xsl:for-each></PIFs>
    <host_CPUs><xsl:for-each select="x/cpu"><i><xsl:value-of select="@ref"/></i></xsl:for-each></host_CPUs>
    <cpu_info><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'cpu_info']"/></xsl:call-template></cpu_info>
    <hostname><xsl:value-of select="x/@hostname"/></hostname>
    <address><xsl:value-of select="x/@address"/></address>
    <metrics><xsl:value-of select="x/@host_metricsRef"/></metrics>
    <bios_strings><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'bios_strings']"/></xsl:call-template></bios_strings>
    <edition>free</edition>
    <editions><i>free</i></editions>
    <control_domain><xsl:value-of select="x/@VMRef"/></control_domain>
    <timezone><xsl:value-of select="host/timeZone"/></timezone>
    <ssl_legacy>false</ssl_legacy>
    <ssh_enabled>false</ssh_enabled>
  </member>
  <member type="host_metrics" id="{x/@host_metricsRef}">
    <uuid><xsl:value-of select="x/@host_metricsUuid"/></uuid>
    <memory_total><xsl:value-of select="host/memoryBytes"/></memory_total>
    <live><xsl:value-of select="host/connected"/></live>
    <last_updated><xsl:value-of select="x/@booted"/></last_updated>
  </member>
  <xsl:for-each select="x/cpu">
    <member type="host_cpu" id="{@ref}">
      <uuid><xsl:value-of select="@uuid"/></uuid>
      <host><xsl:value-of select="$x/@hostRef"/></host>
      <number><xsl:value-of select="@number"/></number>
      <vendor><xsl:value-of select="$host/cpuVendor"/></vendor>
      <speed><xsl:value-of select="$host/cpuMhz"/></speed>
      <modelname><xsl:value-of select="$host/cpuModel"/></modelname>
    </member>
  </xsl:for-each>
  <xsl:for-each select="x/interface">
    <member type="PIF" id="{@ref}">
      <uuid><xsl:value-of select="@uuid"/></uuid>
      <device><xsl:value-of select="@device"/></device>
      <network><xsl:value-of select="@network"/></network>
      <host><xsl:value-of select="$x/@hostRef"/></host>
      <MAC><xsl:value-of select="@mac"/></MAC>
      <MTU>1500</MTU>
      <VLAN>-1</VLAN>
      <metrics><xsl:value-of select="@metrics"/></metrics>
      <physical>true</physical>
      <currently_attached>true</currently_attached>
      <ip_configuration_mode><xsl:value-of select="@mode"/></ip_configuration_mode>
      <IP><xsl:value-of select="@ip"/></IP>
      <management><xsl:value-of select="@management"/></management>
    </member>
    <member type="PIF_metrics" id="{@metrics}">
      <uuid><xsl:value-of select="@metricsUuid"/></uuid>
      <carrier><xsl:value-of select="@carrier"/></carrier>
      <device_name><xsl:value-of select="@driver"/></device_name>
      <speed><xsl:value-of select="@speed"/></speed>
      <duplex><xsl:value-of select="@duplex"/></duplex>
      <pci_bus_path><xsl:value-of select="@pci"/></pci_bus_path>
    </member>
    <member type="network" id="{@network}">
      <uuid><xsl:value-of select="@networkUuid"/></uuid>
      <name_label>Network of interface <xsl:value-of select="@device"/></name_label>
      <name_description>What the interface of the host is connected to; no machine can be connected to it through this API</name_description>
      <PIFs><i><xsl:value-of select="@ref"/></i></PIFs>
      <managed>false</managed>
    </member>
  </xsl:for-each>
  <member type="VM" id="{x/@VMRef}">
    <uuid><xsl:value-of select="x/@VMUuid"/></uuid>
    <name_label>Control domain on host: <xsl:value-of select="x/@name"/></name_label>
    <power_state>Running</power_state>
    <is_control_domain>true</is_control_domain>
    <resident_on><xsl:value-of select="x/@hostRef"/></resident_on>
    <affinity><xsl:value-of select="x/@hostRef"/></affinity>
    <VCPUs_max><xsl:value-of select="host/cpuThreads"/></VCPUs_max>
    <VCPUs_at_startup><xsl:value-of select="host/cpuThreads"/></VCPUs_at_startup>
    <metrics><xsl:value-of select="x/@VM_metricsRef"/></metrics>
    <platform><e k="cores-per-socket">1</e></platform>
    <domain_type>pv</domain_type>
    <has_vendor_device>false</has_vendor_device>
  </member>
  <member type="VM_metrics" id="{x/@VM_metricsRef}">
    <uuid><xsl:value-of select="x/@VM_metricsUuid"/></uuid>
    <VCPUs_number><xsl:value-of select="host/cpuThreads"/></VCPUs_number>
    <start_time><xsl:value-of select="x/@booted"/></start_time>
    <install_time><xsl:value-of select="x/@booted"/></install_time>
    <last_updated><xsl:value-of select="x/@booted"/></last_updated>
    <current_domain_type>pv</current_domain_type>
  </member>
  <xsl:for-each select="x/template">
    <member type="VM" id="{@ref}">
      <uuid><xsl:value-of select="@uuid"/></uuid>
      <name_label><xsl:value-of select="@name"/></name_label>
      <name_description><xsl:value-of select="@description"/></name_description>
      <is_a_template>true</is_a_template>
      <is_default_template>true</is_default_template>
      <allowed_operations><xsl:for-each select="operation"><i><xsl:value-of select="@name"/></i></xsl:for-each></allowed_operations>
      <memory_target><xsl:value-of select="@memory"/></memory_target>
      <memory_static_max><xsl:value-of select="@memory"/></memory_static_max>
      <memory_dynamic_max><xsl:value-of select="@memory"/></memory_dynamic_max>
      <memory_dynamic_min><xsl:value-of select="@memory"/></memory_dynamic_min>
      <memory_static_min><xsl:value-of select="@memory"/></memory_static_min>
      <VCPUs_max><xsl:value-of select="@cpuMax"/></VCPUs_max>
      <VCPUs_at_startup><xsl:value-of select="@cpus"/></VCPUs_at_startup>
      <actions_after_shutdown>destroy</actions_after_shutdown>
      <actions_after_reboot>restart</actions_after_reboot>
      <actions_after_crash>restart</actions_after_crash>
      <domid>-1</domid>
      <recommendations><xsl:value-of select="@recommendations"/></recommendations>
      <HVM_boot_policy>BIOS order</HVM_boot_policy>
      <HVM_boot_params><xsl:call-template name="map"><xsl:with-param name="of" select="entry[@field = 'HVM_boot_params']"/></xsl:call-template></HVM_boot_params>
      <platform><xsl:call-template name="map"><xsl:with-param name="of" select="entry[@field = 'platform']"/></xsl:call-template></platform>
      <other_config><xsl:call-template name="map"><xsl:with-param name="of" select="entry[@field = 'other_config']"/></xsl:call-template></other_config>
      <domain_type>hvm</domain_type>
      <has_vendor_device>false</has_vendor_device>
    </member>
  </xsl:for-each>
  <xsl:for-each select="x/manager">
    <member type="SM" id="{@ref}">
      <uuid><xsl:value-of select="@uuid"/></uuid>
      <name_label><xsl:value-of select="@name"/></name_label>
      <name_description><xsl:value-of select="@description"/></name_description>
      <type><xsl:value-of select="@type"/></type>
      <vendor>Transvisor</vendor>
      <version>1.0</version>
      <required_api_version>1.1</required_api_version>
      <configuration><xsl:call-template name="map"><xsl:with-param name="of" select="entry"/></xsl:call-template></configuration>
      <capabilities><xsl:for-each select="feature"><i><xsl:value-of select="@name"/></i></xsl:for-each></capabilities>
      <features><xsl:for-each select="feature"><e k="{@name}">1</e></xsl:for-each></features>
    </member>
  </xsl:for-each>
  <member type="SR" id="{x/@SRRef}">
    <uuid><xsl:value-of select="x/@SRUuid"/></uuid>
    <name_label>Disks outside every storage</name_label>
    <name_description>Files and devices that machines of this host use and that lie in no storage the host knows</name_description>
    <PBDs><i><xsl:value-of select="x/@PBDRef"/></i></PBDs>
    <type>file</type>
    <content_type>user</content_type>
  </member>
  <member type="PBD" id="{x/@PBDRef}">
    <uuid><xsl:value-of select="x/@PBDUuid"/></uuid>
    <host><xsl:value-of select="x/@hostRef"/></host>
    <SR><xsl:value-of select="x/@SRRef"/></SR>
    <currently_attached>true</currently_attached>
  </member>
</bundle>
</xsl:template>

<xsl:template name="map">
  <xsl:param name="of"/>
  <xsl:for-each select="$of"><e k="{@k}"><xsl:value-of select="@v"/></e></xsl:for-each>
</xsl:template>
</xsl:stylesheet>
