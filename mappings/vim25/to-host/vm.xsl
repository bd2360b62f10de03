<?xml version="1.0" encoding="UTF-8"?>
<!-- What of a VM shall differ (<in><x>) to the members of a VirtualMachineConfigSpec, in the order of the API's own type table. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:strip-space elements="*"/>
<xsl:template match="/in">
<spec xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <xsl:if test="x/@name"><name><xsl:value-of select="x/@name"/></name></xsl:if>
  <xsl:if test="x/@version"><version><xsl:value-of select="x/@version"/></version></xsl:if>
  <xsl:if test="x/@uuid"><uuid><xsl:value-of select="x/@uuid"/></uuid></xsl:if>
  <xsl:if test="x/@instanceUuid"><instanceUuid><xsl:value-of select="x/@instanceUuid"/></instanceUuid></xsl:if>
  <xsl:if test="x/@guestId"><guestId><xsl:value-of select="x/@guestId"/></guestId></xsl:if>
  <xsl:if test="x/@annotation"><annotation><xsl:value-of select="x/@annotation"/></annotation></xsl:if>
  <xsl:if test="x/@vmPathName"><files><vmPathName><xsl:value-of select="x/@vmPathName"/></vmPathName></files></xsl:if>
  <xsl:if test="x/@numCPUs"><numCPUs><xsl:value-of select="x/@numCPUs"/></numCPUs></xsl:if>
  <xsl:if test="x/@numCoresPerSocket"><numCoresPerSocket><xsl:value-of select="x/@numCoresPerSocket"/></numCoresPerSocket></xsl:if>
  <xsl:if test="x/@memoryMB"><memoryMB><xsl:value-of select="x/@memoryMB"/></memoryMB></xsl:if>
  <xsl:if test="x/@memoryHotAdd"><memoryHotAddEnabled><xsl:value-of select="x/@memoryHotAdd"/></memoryHotAddEnabled></xsl:if>
  <xsl:if test="x/@cpuHotAdd"><cpuHotAddEnabled><xsl:value-of select="x/@cpuHotAdd"/></cpuHotAddEnabled></xsl:if>
  <xsl:for-each select="x/change">
    <deviceChange>
      <operation><xsl:value-of select="@operation"/></operation>
      <device>
        <xsl:attribute name="xsi:type" namespace="http://www.w3.org/2001/XMLSchema-instance"><xsl:value-of select="@type"/></xsl:attribute>
        <key><xsl:value-of select="@key"/></key>
        <xsl:for-each select="backing"><xsl:call-template name="backing"/></xsl:for-each>
        <xsl:if test="@startConnected"><connectable><startConnected><xsl:value-of select="@startConnected"/></startConnected><allowGuestControl>true</allowGuestControl><connected><xsl:value-of select="@connected"/></connected></connectable></xsl:if>
        <xsl:if test="@controllerKey"><controllerKey><xsl:value-of select="@controllerKey"/></controllerKey><xsl:if test="@unitNumber"><unitNumber><xsl:value-of select="@unitNumber"/></unitNumber></xsl:if></xsl:if>
        <xsl:if test="@busNumber"><busNumber><xsl:value-of select="@busNumber"/></busNumber></xsl:if>
        <xsl:if test="@sharedBus"><sharedBus><xsl:value-of select="@sharedBus"/></sharedBus></xsl:if>
        <xsl:if test="@capacityKB"><capacityInKB><xsl:value-of select="@capacityKB"/></capacityInKB></xsl:if>
        <xsl:if test="@capacityBytes"><capacityInBytes><xsl:value-of select="@capacityBytes"/></capacityInBytes></xsl:if>
        <xsl:if test="@addressType"><addressType><xsl:value-of select="@addressType"/></addressType></xsl:if>
        <xsl:if test="@mac"><macAddress><xsl:value-of select="@mac"/></macAddress></xsl:if>
      </device>
    </deviceChange>
  </xsl:for-each>
  <xsl:for-each select="x/cpu"><cpuAllocation><xsl:call-template name="allocation"/></cpuAllocation></xsl:for-each>
  <xsl:for-each select="x/memory"><memoryAllocation><xsl:call-template name="allocation"/></memoryAllocation></xsl:for-each>
  <xsl:for-each select="x/extra"><extraConfig><key><xsl:value-of select="@key"/></key><value xsi:type="xsd:string"><xsl:value-of select="@value"/></value></extraConfig></xsl:for-each>
  <xsl:for-each select="x/boot">
    <bootOptions>
      <xsl:if test="@secure"><efiSecureBootEnabled><xsl:value-of select="@secure"/></efiSecureBootEnabled></xsl:if>
      <xsl:for-each select="order"><bootOrder><xsl:attribute name="xsi:type" namespace="http://www.w3.org/2001/XMLSchema-instance"><xsl:value-of select="@type"/></xsl:attribute><xsl:if test="@deviceKey"><deviceKey><xsl:value-of select="@deviceKey"/></deviceKey></xsl:if></bootOrder></xsl:for-each>
    </bootOptions>
  </xsl:for-each>
  <xsl:if test="x/@firmware"><firmware><xsl:value-of select="x/@firmware"/></firmware></xsl:if>
</spec>
</xsl:template>

<xsl:template name="backing">
  <backing>
    <xsl:attribute name="xsi:type" namespace="http://www.w3.org/2001/XMLSchema-instance"><xsl:value-of select="@type"/></xsl:attribute>
    <xsl:if test="@fileName"><fileName><xsl:value-of select="@fileName"/></fileName></xsl:if>
    <xsl:if test="@diskMode"><diskMode><xsl:value-of select="@diskMode"/></diskMode></xsl:if>
    <xsl:if test="@thin"><thinProvisioned><xsl:value-of select="@thin"/></thinProvisioned></xsl:if>
    <xsl:if test="@sharing"><sharing><xsl:value-of select="@sharing"/></sharing></xsl:if>
    <xsl:if test="@deviceName"><deviceName><xsl:value-of select="@deviceName"/></deviceName></xsl:if>
    <xsl:if test="@useAutoDetect"><useAutoDetect><xsl:value-of select="@useAutoDetect"/></useAutoDetect></xsl:if>
    <xsl:if test="@exclusive"><exclusive><xsl:value-of select="@exclusive"/></exclusive></xsl:if>
    <xsl:if test="@network"><network type="Network"><xsl:value-of select="@network"/></network></xsl:if>
    <xsl:if test="@portgroupKey"><port><switchUuid><xsl:value-of select="@switchUuid"/></switchUuid><portgroupKey><xsl:value-of select="@portgroupKey"/></portgroupKey></port></xsl:if>
  </backing>
</xsl:template>

<xsl:template name="allocation">
  <reservation><xsl:value-of select="@reservation"/></reservation>
  <limit><xsl:value-of select="@limit"/></limit>
  <shares><shares><xsl:value-of select="@shares"/></shares><level><xsl:value-of select="@level"/></level></shares>
</xsl:template>
</xsl:stylesheet>
