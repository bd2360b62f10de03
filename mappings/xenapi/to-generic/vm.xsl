<?xml version="1.0" encoding="UTF-8"?>
<!-- A VM (<in>: facts, devices in the hub's places, attributes, snapshots, and <vm> itself) to a generic VM. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<vm>
  <name><xsl:value-of select="vm/name_label"/></name>
  <nativeName><xsl:value-of select="vm/name_label"/></nativeName>
  <uuid><xsl:value-of select="vm/uuid"/></uuid>
  <xsl:if test="@instanceUuid"><instanceUuid><xsl:value-of select="@instanceUuid"/></instanceUuid></xsl:if>
  <description><xsl:value-of select="vm/name_description"/></description>
  <powerState><xsl:value-of select="@powerState"/></powerState>
  <permanent>true</permanent>
  <template><xsl:value-of select="vm/is_a_template"/></template>
  <autostart><xsl:value-of select="@autostart"/></autostart>
  <firmware><xsl:value-of select="@firmware"/></firmware>
  <secureBoot><xsl:value-of select="@secureBoot"/></secureBoot>
  <cpuCount><xsl:value-of select="@cpuCount"/></cpuCount>
  <cpuMax><xsl:value-of select="@cpuMax"/></cpuMax>
  <coresPerSocket><xsl:value-of select="@cores"/></coresPerSocket>
  <memoryBytes><xsl:value-of select="@memory"/></memoryBytes>
  <memoryMaxBytes><xsl:value-of select="@memoryMax"/></memoryMaxBytes>
  <cpuHotAdd><xsl:value-of select="@cpuHotAdd"/></cpuHotAdd>
  <memoryHotAdd><xsl:value-of select="@memoryHotAdd"/></memoryHotAdd>
  <osId><xsl:value-of select="@osId"/></osId>
  <bits><xsl:value-of select="@bits"/></bits>
  <xsl:for-each select="boot"><boot><xsl:value-of select="."/></boot></xsl:for-each>
  <xsl:for-each select="controller">
    <scsiController><ordinal><xsl:value-of select="@ordinal"/></ordinal><model><xsl:value-of select="@model"/></model></scsiController>
  </xsl:for-each>
  <xsl:for-each select="disk">
    <disk>
      <xsl:call-template name="place"/>
      <medium><xsl:apply-templates select="medium"/></medium>
      <capacityBytes><xsl:value-of select="@capacity"/></capacityBytes>
      <allocationBytes><xsl:value-of select="@allocation"/></allocationBytes>
      <thin><xsl:value-of select="@thin"/></thin>
      <readOnly><xsl:value-of select="@readOnly"/></readOnly>
      <shareable><xsl:value-of select="@shareable"/></shareable>
      <persistent><xsl:value-of select="@persistent"/></persistent>
      <uuid><xsl:value-of select="@uuid"/></uuid>
    </disk>
  </xsl:for-each>
  <xsl:for-each select="cdrom">
    <cdrom><xsl:call-template name="place"/><xsl:if test="medium"><medium><xsl:apply-templates select="medium"/></medium></xsl:if></cdrom>
  </xsl:for-each>
  <xsl:for-each select="nic">
    <nic>
      <ordinal><xsl:value-of select="@ordinal"/></ordinal>
      <mac><xsl:value-of select="@mac"/></mac>
      <macGenerated><xsl:value-of select="@generated"/></macGenerated>
      <model><xsl:value-of select="@model"/></model>
      <networkName><xsl:value-of select="@network"/></networkName>
      <connected><xsl:value-of select="@connected"/></connected>
      <xsl:if test="@mtu"><mtu><xsl:value-of select="@mtu"/></mtu></xsl:if>
    </nic>
  </xsl:for-each>
  <serialPorts>0</serialPorts>
  <guest>
    <toolsInstalled><xsl:value-of select="@tools"/></toolsInstalled>
    <toolsRunning><xsl:value-of select="@toolsRunning"/></toolsRunning>
    <xsl:if test="@osName"><osName><xsl:value-of select="@osName"/></osName></xsl:if>
    <xsl:for-each select="address">
      <address><mac><xsl:value-of select="@mac"/></mac><address><xsl:value-of select="@address"/></address><prefix><xsl:value-of select="@prefix"/></prefix></address>
    </xsl:for-each>
  </guest>
  <xsl:for-each select="cpuShare"><cpuShare><xsl:call-template name="share"/></cpuShare></xsl:for-each>
  <xsl:for-each select="memoryShare"><memoryShare><xsl:call-template name="share"/></memoryShare></xsl:for-each>
  <xsl:for-each select="attribute">
    <attribute><owner><xsl:value-of select="@owner"/></owner><key><xsl:value-of select="@key"/></key><value><xsl:value-of select="."/></value></attribute>
  </xsl:for-each>
  <xsl:for-each select="snapshot">
    <snapshot>
      <native><xsl:value-of select="@native"/></native>
      <name><xsl:value-of select="@name"/></name>
      <description><xsl:value-of select="description"/></description>
      <createdMs><xsl:value-of select="@created"/></createdMs>
      <powerState><xsl:value-of select="@powerState"/></powerState>
      <hasMemory><xsl:value-of select="@hasMemory"/></hasMemory>
      <quiesced><xsl:value-of select="@quiesced"/></quiesced>
      <xsl:if test="@parent"><parent><xsl:value-of select="@parent"/></parent></xsl:if>
      <current><xsl:value-of select="@current"/></current>
    </snapshot>
  </xsl:for-each>
  <xsl:if test="@created"><createdMs><xsl:value-of select="@created"/></createdMs></xsl:if>
  <xsl:if test="@started"><startedMs><xsl:value-of select="@started"/></startedMs></xsl:if>
</vm>
</xsl:template>

<xsl:template name="place">
  <slot><bus><xsl:value-of select="@bus"/></bus><controller><xsl:value-of select="@controller"/></controller><unit><xsl:value-of select="@unit"/></unit></slot>
  <device><xsl:value-of select="@device"/></device>
</xsl:template>

<xsl:template match="medium">
  <storageName><xsl:value-of select="@storageName"/></storageName>
  <volumeName><xsl:value-of select="@volumeName"/></volumeName>
  <path><xsl:value-of select="@path"/></path>
  <format><xsl:value-of select="@format"/></format>
</xsl:template>

<xsl:template name="share">
  <xsl:if test="@reservation"><reservation><xsl:value-of select="@reservation"/></reservation></xsl:if>
  <xsl:if test="@limit"><limit><xsl:value-of select="@limit"/></limit></xsl:if>
  <xsl:if test="@shares"><shares><xsl:value-of select="@shares"/></shares></xsl:if>
</xsl:template>
</xsl:stylesheet>
