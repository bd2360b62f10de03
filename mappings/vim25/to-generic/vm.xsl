<?xml version="1.0" encoding="UTF-8"?>
<!-- A host's VirtualMachine (<in>: <x> with what was computed, and the host's own document) to a generic vm, fields in the order of the model. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<vm>
  <name><xsl:value-of select="x/@name"/></name>
  <nativeName><xsl:value-of select="VirtualMachine/name"/></nativeName>
  <uuid><xsl:value-of select="VirtualMachine/config/uuid"/></uuid>
  <xsl:if test="VirtualMachine/config/instanceUuid"><instanceUuid><xsl:value-of select="VirtualMachine/config/instanceUuid"/></instanceUuid></xsl:if>
  <description><xsl:value-of select="VirtualMachine/config/annotation"/></description>
  <powerState><xsl:value-of select="x/@power"/></powerState>
  <permanent>true</permanent>
  <template><xsl:value-of select="x/@template"/></template>
  <autostart><xsl:value-of select="x/@autostart"/></autostart>
  <firmware><xsl:value-of select="x/@firmware"/></firmware>
  <secureBoot><xsl:value-of select="x/@secureBoot"/></secureBoot>
  <cpuCount><xsl:value-of select="x/@cpuCount"/></cpuCount>
  <cpuMax><xsl:value-of select="x/@cpuMax"/></cpuMax>
  <coresPerSocket><xsl:value-of select="x/@coresPerSocket"/></coresPerSocket>
  <memoryBytes><xsl:value-of select="x/@memory"/></memoryBytes>
  <memoryMaxBytes><xsl:value-of select="x/@memoryMax"/></memoryMaxBytes>
  <cpuHotAdd><xsl:value-of select="x/@cpuHotAdd"/></cpuHotAdd>
  <memoryHotAdd><xsl:value-of select="x/@memoryHotAdd"/></memoryHotAdd>
  <osId><xsl:value-of select="x/@osId"/></osId>
  <bits><xsl:value-of select="x/@bits"/></bits>
  <xsl:for-each select="x/boot"><boot><xsl:value-of select="@device"/></boot></xsl:for-each>
  <xsl:for-each select="x/scsi"><scsiController><ordinal><xsl:value-of select="@ordinal"/></ordinal><model><xsl:value-of select="@model"/></model></scsiController></xsl:for-each>
  <xsl:for-each select="x/disk">
    <disk>
      <xsl:call-template name="seat"/>
      <xsl:choose><xsl:when test="medium"><xsl:call-template name="medium"/></xsl:when><xsl:otherwise><medium><storageName></storageName></medium></xsl:otherwise></xsl:choose>
      <capacityBytes><xsl:value-of select="@capacity"/></capacityBytes>
      <xsl:if test="allocation"><allocationBytes><xsl:value-of select="allocation/@bytes"/></allocationBytes></xsl:if>
      <thin><xsl:value-of select="@thin"/></thin>
      <readOnly>false</readOnly>
      <shareable><xsl:value-of select="@shareable"/></shareable>
      <persistent><xsl:value-of select="@persistent"/></persistent>
      <xsl:if test="@uuid"><uuid><xsl:value-of select="@uuid"/></uuid></xsl:if>
    </disk>
  </xsl:for-each>
  <xsl:for-each select="x/cdrom"><cdrom><xsl:call-template name="seat"/><xsl:if test="medium"><xsl:call-template name="medium"/></xsl:if></cdrom></xsl:for-each>
  <xsl:for-each select="x/floppy"><floppy><xsl:call-template name="seat"/><xsl:if test="medium"><xsl:call-template name="medium"/></xsl:if></floppy></xsl:for-each>
  <xsl:for-each select="x/nic">
    <nic>
      <ordinal><xsl:value-of select="@ordinal"/></ordinal>
      <mac><xsl:value-of select="@mac"/></mac>
      <macGenerated><xsl:value-of select="@generated"/></macGenerated>
      <model><xsl:value-of select="@model"/></model>
      <networkName><xsl:value-of select="@network"/></networkName>
      <connected><xsl:value-of select="@connected"/></connected>
    </nic>
  </xsl:for-each>
  <xsl:if test="x/@vncListen"><vnc><listen><xsl:value-of select="x/@vncListen"/></listen><port><xsl:value-of select="x/@vncPort"/></port></vnc></xsl:if>
  <serialPorts><xsl:value-of select="x/@serialPorts"/></serialPorts>
  <guest>
    <toolsInstalled><xsl:value-of select="x/@toolsInstalled"/></toolsInstalled>
    <toolsRunning><xsl:value-of select="x/@toolsRunning"/></toolsRunning>
    <xsl:if test="string(VirtualMachine/guest/hostName)"><hostName><xsl:value-of select="VirtualMachine/guest/hostName"/></hostName></xsl:if>
    <xsl:if test="string(VirtualMachine/guest/guestFullName)"><osName><xsl:value-of select="VirtualMachine/guest/guestFullName"/></osName></xsl:if>
    <xsl:for-each select="x/address"><address><mac><xsl:value-of select="@mac"/></mac><address><xsl:value-of select="@address"/></address><prefix><xsl:value-of select="@prefix"/></prefix></address></xsl:for-each>
  </guest>
  <cpuShare><xsl:for-each select="x/cpuShare"><xsl:call-template name="share"/></xsl:for-each></cpuShare>
  <memoryShare><xsl:for-each select="x/memoryShare"><xsl:call-template name="share"/></xsl:for-each></memoryShare>
  <xsl:for-each select="x/attribute"><attribute><owner><xsl:value-of select="@owner"/></owner><key><xsl:value-of select="@key"/></key><value><xsl:value-of select="@value"/></value></attribute></xsl:for-each>
  <xsl:for-each select="x/snapshot">
    <snapshot>
      <native><xsl:value-of select="@native"/></native>
      <name><xsl:value-of select="@name"/></name>
      <description><xsl:value-of select="@description"/></description>
      <createdMs><xsl:value-of select="@created"/></createdMs>
      <powerState><xsl:value-of select="@state"/></powerState>
      <hasMemory><xsl:value-of select="@memory"/></hasMemory>
      <quiesced><xsl:value-of select="@quiesced"/></quiesced>
      <xsl:if test="@parent"><parent><xsl:value-of select="@parent"/></parent></xsl:if>
      <current><xsl:value-of select="@current"/></current>
    </snapshot>
  </xsl:for-each>
  <xsl:if test="x/@started"><startedMs><xsl:value-of select="x/@started"/></startedMs></xsl:if>
  <xsl:if test="x/@modified"><modifiedMs><xsl:value-of select="x/@modified"/></modifiedMs></xsl:if>
</vm>
</xsl:template>

<xsl:template name="seat">
  <slot><bus><xsl:value-of select="@bus"/></bus><controller><xsl:value-of select="@controller"/></controller><unit><xsl:value-of select="@unit"/></unit></slot>
  <device><xsl:value-of select="@device"/></device>
</xsl:template>

<xsl:template name="medium">
  <medium>
    <storageName><xsl:value-of select="medium/@storageName"/></storageName>
    <volumeName><xsl:value-of select="medium/@volumeName"/></volumeName>
    <path><xsl:value-of select="medium/@path"/></path>
    <format><xsl:value-of select="medium/@format"/></format>
  </medium>
</xsl:template>

<xsl:template name="share">
  <xsl:if test="@reservation"><reservation><xsl:value-of select="@reservation"/></reservation></xsl:if>
  <xsl:if test="@limit"><limit><xsl:value-of select="@limit"/></limit></xsl:if>
  <xsl:if test="@shares"><shares><xsl:value-of select="@shares"/></shares></xsl:if>
</xsl:template>
</xsl:stylesheet>
