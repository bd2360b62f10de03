<?xml version="1.0" encoding="UTF-8"?>
<!-- A domain (<in>: facts, <own>, <snapshot>s and the annotated <domain>) to a generic vm, fields in the order of the model. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<vm>
  <name><xsl:value-of select="@displayName"/></name>
  <nativeName><xsl:value-of select="domain/name"/></nativeName>
  <uuid><xsl:value-of select="@uuid"/></uuid>
  <xsl:if test="own/@instanceUuid"><instanceUuid><xsl:value-of select="own/@instanceUuid"/></instanceUuid></xsl:if>
  <description><xsl:value-of select="domain/description"/></description>
  <powerState><xsl:value-of select="@powerState"/></powerState>
  <permanent><xsl:value-of select="@permanent"/></permanent>
  <template><xsl:value-of select="own/@template"/></template>
  <autostart><xsl:value-of select="@autostart"/></autostart>
  <firmware><xsl:value-of select="@firmware"/></firmware>
  <secureBoot><xsl:value-of select="@secureBoot"/></secureBoot>
  <cpuCount><xsl:value-of select="@cpuCount"/></cpuCount>
  <cpuMax><xsl:value-of select="@cpuMax"/></cpuMax>
  <coresPerSocket><xsl:value-of select="@cores"/></coresPerSocket>
  <memoryBytes><xsl:value-of select="@memory"/></memoryBytes>
  <memoryMaxBytes><xsl:value-of select="@memoryMax"/></memoryMaxBytes>
  <cpuHotAdd><xsl:value-of select="@cpuHotAdd"/></cpuHotAdd>
  <memoryHotAdd><xsl:value-of select="own/@memoryHotAdd"/></memoryHotAdd>
  <osId><xsl:value-of select="own/@osId"/></osId>
  <bits><xsl:value-of select="@bits"/></bits>
  <xsl:for-each select="boot"><boot><xsl:value-of select="."/></boot></xsl:for-each>
  <xsl:for-each select="domain/devices/controller[@tModel]">
    <scsiController><ordinal><xsl:value-of select="@tOrdinal"/></ordinal><model><xsl:value-of select="@tModel"/></model></scsiController>
  </xsl:for-each>
  <xsl:for-each select="domain/devices/disk[@tDevice='disk']">
    <disk>
      <xsl:call-template name="place"/>
      <medium><xsl:call-template name="medium"/></medium>
      <capacityBytes>0</capacityBytes>
      <thin><xsl:value-of select="@tThin"/></thin>
      <readOnly><xsl:choose><xsl:when test="readonly">true</xsl:when><xsl:otherwise>false</xsl:otherwise></xsl:choose></readOnly>
      <shareable><xsl:choose><xsl:when test="shareable">true</xsl:when><xsl:otherwise>false</xsl:otherwise></xsl:choose></shareable>
      <persistent><xsl:choose><xsl:when test="transient">false</xsl:when><xsl:otherwise>true</xsl:otherwise></xsl:choose></persistent>
      <xsl:if test="serial"><uuid><xsl:value-of select="serial"/></uuid></xsl:if>
    </disk>
  </xsl:for-each>
  <xsl:for-each select="domain/devices/disk[@tDevice='cdrom']">
    <cdrom><xsl:call-template name="place"/><xsl:if test="@tMedium='true'"><medium><xsl:call-template name="medium"/></medium></xsl:if></cdrom>
  </xsl:for-each>
  <xsl:for-each select="domain/devices/disk[@tDevice='floppy']">
    <floppy><xsl:call-template name="place"/><xsl:if test="@tMedium='true'"><medium><xsl:call-template name="medium"/></medium></xsl:if></floppy>
  </xsl:for-each>
  <xsl:for-each select="domain/devices/interface">
    <nic>
      <ordinal><xsl:value-of select="@tOrdinal"/></ordinal>
      <mac><xsl:value-of select="@tMac"/></mac>
      <macGenerated><xsl:value-of select="@tGenerated"/></macGenerated>
      <model><xsl:value-of select="@tModel"/></model>
      <networkName><xsl:value-of select="@tNetwork"/></networkName>
      <connected><xsl:choose><xsl:when test="link/@state='down'">false</xsl:when><xsl:otherwise>true</xsl:otherwise></xsl:choose></connected>
      <xsl:if test="mtu/@size"><mtu><xsl:value-of select="mtu/@size"/></mtu></xsl:if>
      <xsl:if test="vlan/tag/@id"><vlan><xsl:value-of select="vlan/tag/@id"/></vlan></xsl:if>
    </nic>
  </xsl:for-each>
  <xsl:for-each select="domain/devices/graphics[@type='vnc']">
    <vnc>
      <listen><xsl:choose><xsl:when test="@listen"><xsl:value-of select="@listen"/></xsl:when><xsl:otherwise><xsl:value-of select="listen/@address"/></xsl:otherwise></xsl:choose></listen>
      <port><xsl:choose><xsl:when test="@port"><xsl:value-of select="@port"/></xsl:when><xsl:otherwise>-1</xsl:otherwise></xsl:choose></port>
    </vnc>
  </xsl:for-each>
  <serialPorts><xsl:value-of select="@serialPorts"/></serialPorts>
  <guest><toolsInstalled><xsl:value-of select="@tools"/></toolsInstalled><toolsRunning><xsl:value-of select="@toolsRunning"/></toolsRunning></guest>
  <cpuShare><xsl:copy-of select="own/cpuShare/node()"/></cpuShare>
  <memoryShare><xsl:copy-of select="own/memoryShare/node()"/></memoryShare>
  <xsl:for-each select="own/attribute">
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
      <quiesced>false</quiesced>
      <xsl:if test="@parent"><parent><xsl:value-of select="@parent"/></parent></xsl:if>
      <current><xsl:value-of select="@current"/></current>
    </snapshot>
  </xsl:for-each>
  <xsl:if test="own/@created"><createdMs><xsl:value-of select="own/@created"/></createdMs></xsl:if>
</vm>
</xsl:template>

<xsl:template name="place">
  <slot><bus><xsl:value-of select="@tBus"/></bus><controller><xsl:value-of select="@tController"/></controller><unit><xsl:value-of select="@tUnit"/></unit></slot>
  <device><xsl:value-of select="@tDev"/></device>
</xsl:template>

<xsl:template name="medium">
  <storageName><xsl:value-of select="@tPool"/></storageName>
  <xsl:if test="@tVolume"><volumeName><xsl:value-of select="@tVolume"/></volumeName></xsl:if>
  <xsl:if test="@tPath"><path><xsl:value-of select="@tPath"/></path></xsl:if>
  <xsl:if test="@tFormat"><format><xsl:value-of select="@tFormat"/></format></xsl:if>
</xsl:template>
</xsl:stylesheet>
