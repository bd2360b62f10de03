<?xml version="1.0" encoding="UTF-8"?>
<!-- A generic VM (<in>) to its records: VM, VM_metrics, VM_guest_metrics, console, VBDs, VIFs, VDIs of its own, and its snapshots as VMs. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:strip-space elements="*"/>
<xsl:template match="/in">
<bundle>
  <xsl:variable name="vm" select="vm"/>
  <member type="VM" id="{x/@ref}">
    <uuid><xsl:value-of select="x/@uuid"/></uuid>
    <name_label><xsl:value-of select="vm/name"/></name_label>
    <name_description><xsl:value-of select="vm/description"/></name_description>
    <power_state><xsl:value-of select="x/@power"/></power_state>
    <is_a_template><xsl:value-of select="vm/template"/></is_a_template>
    <allowed_operations><xsl:for-each select="x/operation"><i><xsl:value-of select="@name"/></i></xsl:for-each></allowed_operations>
    <user_version><xsl:value-of select="x/@userVersion"/></user_version>
    <resident_on><xsl:value-of select="x/@host"/></resident_on>
    <affinity><xsl:value-of select="x/@affinity"/></affinity>
    <memory_target><xsl:value-of select="vm/memoryBytes"/></memory_target>
    <memory_static_max><xsl:value-of select="x/@memoryStaticMax"/></memory_static_max>
    <memory_dynamic_max><xsl:value-of select="x/@memoryDynamicMax"/></memory_dynamic_max>
    <memory_dynamic_min><xsl:value-of select="x/@memoryDynamicMin"/></memory_dynamic_min>
    <memory_static_min><xsl:value-of select="x/@memoryStaticMin"/></memory_static_min>
    <VCPUs_max><xsl:value-of select="vm/cpuMax"/></VCPUs_max>
    <VCPUs_at_startup><xsl:value-of select="vm/cpuCount"/></VCPUs_at_startup>
    <actions_after_shutdown><xsl:call-template name="or"><xsl:with-param name="said" select="x/@actions_after_shutdown"/><xsl:with-param name="else">destroy</xsl:with-param></xsl:call-template></actions_after_shutdown>
    <actions_after_reboot><xsl:call-template name="or"><xsl:with-param name="said" select="x/@actions_after_reboot"/><xsl:with-param name="else">restart</xsl:with-param></xsl:call-template></actions_after_reboot>
    <actions_after_crash><xsl:call-template name="or"><xsl:with-param name="said" select="x/@actions_after_crash"/><xsl:with-param name="else">restart</xsl:with-param></xsl:call-template></actions_after_crash>
    <consoles><xsl:for-each select="x/console"><i><xsl:value-of select="@ref"/></i></xsl:for-each></consoles>
    <VIFs><xsl:for-each select="x/vif"><i><xsl:value-of select="@ref"/></i></xsl:for-each></VIFs>
    <VBDs><xsl:for-each select="x/vbd"><i><xsl:value-of select="@ref"/></i></xsl:for-each></VBDs>
    <domid><xsl:value-of select="x/@domid"/></domid>
    <metrics><xsl:value-of select="x/@metrics"/></metrics>
    <guest_metrics><xsl:value-of select="x/guest/@ref"/></guest_metrics>
    <recommendations><xsl:value-of select="x/@recommendations"/></recommendations>
    <snapshots><xsl:for-each select="x/snapshot"><i><xsl:value-of select="@ref"/></i></xsl:for-each></snapshots>
    <parent><xsl:value-of select="x/@parent"/></parent>
    <tags><xsl:for-each select="x/tag"><i><xsl:value-of select="@name"/></i></xsl:for-each></tags>
    <has_vendor_device><xsl:value-of select="x/@hasVendorDevice"/></has_vendor_device>
    <reference_label><xsl:value-of select="x/@referenceLabel"/></reference_label>
    <platform><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'platform']"/></xsl:call-template></platform>
    <other_config><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'other_config']"/></xsl:call-template></other_config>
    <xenstore_data><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'xenstore_data']"/></xsl:call-template></xenstore_data>
    <VCPUs_params><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'VCPUs_params']"/></xsl:call-template></VCPUs_params>
    <blocked_operations><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'blocked_operations']"/></xsl:call-template></blocked_operations>
    <NVRAM><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'NVRAM']"/></xsl:call-template></NVRAM>
    <bios_strings><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'bios_strings']"/></xsl:call-template></bios_strings>
    <HVM_boot_params><xsl:call-template name="map"><xsl:with-param name="of" select="x/entry[@field = 'HVM_boot_params']"/></xsl:call-template></HVM_boot_params>
    <HVM_boot_policy>BIOS order</HVM_boot_policy>
    <domain_type>hvm</domain_type>
  </member>
  <member type="VM_metrics" id="{x/@metrics}">
    <uuid><xsl:value-of select="x/@metricsUuid"/></uuid>
    <memory_actual><xsl:value-of select="x/@actual"/></memory_actual>
    <VCPUs_number><xsl:value-of select="vm/cpuCount"/></VCPUs_number>
    <start_time><xsl:value-of select="x/@started"/></start_time>
    <install_time><xsl:value-of select="x/@installed"/></install_time>
    <last_updated><xsl:value-of select="x/@updated"/></last_updated>
    <hvm><xsl:value-of select="x/@isUp"/></hvm>
    <current_domain_type><xsl:choose><xsl:when test="x/@isUp = 'true'">hvm</xsl:when><xsl:otherwise>unspecified</xsl:otherwise></xsl:choose></current_domain_type>
  </member>
  <xsl:for-each select="x/guest">
    <member type="VM_guest_metrics" id="{@ref}">
      <uuid><xsl:value-of select="@uuid"/></uuid>
      <os_version><xsl:call-template name="map"><xsl:with-param name="of" select="entry[@field = 'os_version']"/></xsl:call-template></os_version>
      <netbios_name><xsl:call-template name="map"><xsl:with-param name="of" select="entry[@field = 'netbios_name']"/></xsl:call-template></netbios_name>
      <networks><xsl:call-template name="map"><xsl:with-param name="of" select="entry[@field = 'networks']"/></xsl:call-template></networks>
      <other><xsl:call-template name="map"><xsl:with-param name="of" select="entry[@field = 'other']"/></xsl:call-template></other>
      <last_updated><xsl:value-of select="@updated"/></last_updated>
      <PV_drivers_up_to_date>true</PV_drivers_up_to_date>
      <PV_drivers_detected>true</PV_drivers_detected>
      <live>true</live>
      <can_use_hotplug_vbd>yes</can_use_hotplug_vbd>
      <can_use_hotplug_vif>yes</can_use_hotplug_vif>
    </member>
  </xsl:for-each>
  <xsl:for-each select="x/console">
    <member type="console" id="{@ref}">
      <uuid><xsl:value-of select="@uuid"/></uuid>
      <protocol>rfb</protocol>
      <location><xsl:value-of select="@location"/></location>
      <VM><xsl:value-of select="../@ref"/></VM>
    </member>
  </xsl:for-each>
  <xsl:apply-templates select="x/vbd"/>
  <xsl:apply-templates select="x/vdi"/>
  <xsl:apply-templates select="x/vif"/>
  <xsl:for-each select="x/snapshot">
    <member type="VM" id="{@ref}">
      <uuid><xsl:value-of select="@uuid"/></uuid>
      <name_label><xsl:value-of select="@name"/></name_label>
      <name_description><xsl:value-of select="@description"/></name_description>
      <power_state><xsl:value-of select="@power"/></power_state>
      <allowed_operations><xsl:for-each select="operation"><i><xsl:value-of select="@name"/></i></xsl:for-each></allowed_operations>
      <is_a_template>true</is_a_template>
      <is_a_snapshot>true</is_a_snapshot>
      <snapshot_of><xsl:value-of select="@of"/></snapshot_of>
      <snapshot_time><xsl:value-of select="@time"/></snapshot_time>
      <snapshot_info><xsl:call-template name="map"><xsl:with-param name="of" select="entry[@field = 'snapshot_info']"/></xsl:call-template></snapshot_info>
      <parent><xsl:value-of select="@parent"/></parent>
      <children><xsl:for-each select="child"><i><xsl:value-of select="@ref"/></i></xsl:for-each></children>
      <user_version>1</user_version>
      <memory_target><xsl:value-of select="$vm/memoryBytes"/></memory_target>
      <memory_static_max><xsl:value-of select="../@memoryStaticMax"/></memory_static_max>
      <memory_dynamic_max><xsl:value-of select="../@memoryDynamicMax"/></memory_dynamic_max>
      <memory_dynamic_min><xsl:value-of select="../@memoryDynamicMin"/></memory_dynamic_min>
      <memory_static_min><xsl:value-of select="../@memoryStaticMin"/></memory_static_min>
      <VCPUs_max><xsl:value-of select="$vm/cpuMax"/></VCPUs_max>
      <VCPUs_at_startup><xsl:value-of select="$vm/cpuCount"/></VCPUs_at_startup>
      <actions_after_shutdown>destroy</actions_after_shutdown>
      <actions_after_reboot>restart</actions_after_reboot>
      <actions_after_crash>restart</actions_after_crash>
      <VBDs><xsl:for-each select="vbd"><i><xsl:value-of select="@ref"/></i></xsl:for-each></VBDs>
      <domid>-1</domid>
      <has_vendor_device>false</has_vendor_device>
      <platform><xsl:call-template name="map"><xsl:with-param name="of" select="../entry[@field = 'platform']"/></xsl:call-template></platform>
      <HVM_boot_params><xsl:call-template name="map"><xsl:with-param name="of" select="../entry[@field = 'HVM_boot_params']"/></xsl:call-template></HVM_boot_params>
      <HVM_boot_policy>BIOS order</HVM_boot_policy>
      <domain_type>hvm</domain_type>
    </member>
    <xsl:apply-templates select="vbd"/>
    <xsl:apply-templates select="vdi"/>
  </xsl:for-each>
</bundle>
</xsl:template>

<xsl:template match="vbd">
  <member type="VBD" id="{@ref}">
    <uuid><xsl:value-of select="@uuid"/></uuid>
    <VM><xsl:value-of select="@vm"/></VM>
    <VDI><xsl:value-of select="@vdi"/></VDI>
    <device><xsl:value-of select="@device"/></device>
    <userdevice><xsl:value-of select="@userdevice"/></userdevice>
    <bootable><xsl:value-of select="@bootable"/></bootable>
    <mode><xsl:value-of select="@mode"/></mode>
    <type><xsl:value-of select="@type"/></type>
    <unpluggable><xsl:value-of select="@unpluggable"/></unpluggable>
    <empty><xsl:value-of select="@empty"/></empty>
    <currently_attached><xsl:value-of select="@attached"/></currently_attached>
    <other_config><xsl:call-template name="map"><xsl:with-param name="of" select="entry"/></xsl:call-template></other_config>
    <allowed_operations><i>attach</i><xsl:if test="@changeable = 'true'"><xsl:choose>
      <xsl:when test="@type = 'CD' and @empty = 'true'"><i>insert</i></xsl:when>
      <xsl:when test="@type = 'CD'"><i>eject</i></xsl:when>
      <xsl:when test="@attached = 'true'"><i>unplug</i><i>unplug_force</i></xsl:when>
    </xsl:choose></xsl:if></allowed_operations>
  </member>
</xsl:template>

<xsl:template match="vdi">
  <member type="VDI" id="{@ref}">
    <uuid><xsl:value-of select="@uuid"/></uuid>
    <name_label><xsl:value-of select="@name"/></name_label>
    <SR><xsl:value-of select="@sr"/></SR>
    <virtual_size><xsl:value-of select="@size"/></virtual_size>
    <physical_utilisation><xsl:value-of select="@used"/></physical_utilisation>
    <type>user</type>
    <sharable><xsl:value-of select="@sharable"/></sharable>
    <read_only><xsl:value-of select="@readOnly"/></read_only>
    <location><xsl:value-of select="@location"/></location>
    <managed>true</managed>
    <sm_config><xsl:if test="@format"><e k="image-format"><xsl:value-of select="@format"/></e></xsl:if></sm_config>
    <xsl:if test="@snapshotOf">
      <is_a_snapshot>true</is_a_snapshot>
      <snapshot_of><xsl:value-of select="@snapshotOf"/></snapshot_of>
      <snapshot_time><xsl:value-of select="@snapshotTime"/></snapshot_time>
    </xsl:if>
  </member>
</xsl:template>

<xsl:template match="vif">
  <member type="VIF" id="{@ref}">
    <uuid><xsl:value-of select="@uuid"/></uuid>
    <device><xsl:value-of select="@device"/></device>
    <network><xsl:value-of select="@network"/></network>
    <VM><xsl:value-of select="@vm"/></VM>
    <MAC><xsl:value-of select="@mac"/></MAC>
    <MTU><xsl:value-of select="@mtu"/></MTU>
    <other_config><xsl:call-template name="map"><xsl:with-param name="of" select="entry"/></xsl:call-template></other_config>
    <currently_attached><xsl:value-of select="@attached"/></currently_attached>
    <MAC_autogenerated><xsl:value-of select="@generated"/></MAC_autogenerated>
    <locking_mode>network_default</locking_mode>
    <ipv4_addresses><xsl:for-each select="address[@family = 'ipv4']"><i><xsl:value-of select="@text"/></i></xsl:for-each></ipv4_addresses>
    <ipv6_addresses><xsl:for-each select="address[@family = 'ipv6']"><i><xsl:value-of select="@text"/></i></xsl:for-each></ipv6_addresses>
    <allowed_operations><i>attach</i><xsl:if test="@changeable = 'true'"><xsl:choose>
      <xsl:when test="@attached = 'true'"><i>unplug</i></xsl:when>
      <xsl:otherwise><i>plug</i></xsl:otherwise>
    </xsl:choose></xsl:if></allowed_operations>
  </member>
</xsl:template>

<xsl:template name="map">
  <xsl:param name="of"/>
  <xsl:for-each select="$of"><e k="{@k}"><xsl:value-of select="@v"/></e></xsl:for-each>
</xsl:template>

<xsl:template name="or">
  <xsl:param name="said"/>
  <xsl:param name="else"/>
  <xsl:choose>
    <xsl:when test="$said"><xsl:value-of select="$said"/></xsl:when>
    <xsl:otherwise><xsl:value-of select="$else"/></xsl:otherwise>
  </xsl:choose>
</xsl:template>
</xsl:stylesheet>
