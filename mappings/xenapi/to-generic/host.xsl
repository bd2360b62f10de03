<?xml version="1.0" encoding="UTF-8"?>
<!-- A host record (<in>: facts, <dns>, <nic>, and <host> with its pool, metrics, CPUs and PIFs) to a generic host. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<host>
  <name><xsl:value-of select="@name"/></name>
  <uuid><xsl:value-of select="host/uuid"/></uuid>
  <vendor><xsl:value-of select="@vendor"/></vendor>
  <model><xsl:value-of select="@model"/></model>
  <serial><xsl:value-of select="@serial"/></serial>
  <cpuModel><xsl:value-of select="@cpuModel"/></cpuModel>
  <cpuVendor><xsl:value-of select="@cpuVendor"/></cpuVendor>
  <cpuMhz><xsl:value-of select="@cpuMhz"/></cpuMhz>
  <cpuPackages><xsl:value-of select="@packages"/></cpuPackages>
  <cpuCores><xsl:value-of select="@cores"/></cpuCores>
  <cpuThreads><xsl:value-of select="@threads"/></cpuThreads>
  <numaNodes>1</numaNodes>
  <memoryBytes><xsl:value-of select="@memory"/></memoryBytes>
  <vmCpuMax>64</vmCpuMax>
  <hypervisor><xsl:value-of select="@hypervisor"/></hypervisor>
  <hypervisorVersion><xsl:value-of select="@version"/></hypervisorVersion>
  <domain/>
  <xsl:for-each select="dns"><dnsServer><xsl:value-of select="@server"/></dnsServer></xsl:for-each>
  <timeZone>UTC</timeZone>
  <bootedMs><xsl:value-of select="@booted"/></bootedMs>
  <connected><xsl:value-of select="@connected"/></connected>
  <maintenance><xsl:value-of select="@maintenance"/></maintenance>
  <control>maintenance</control>
  <control>power</control>
  <xsl:for-each select="nic">
    <nic>
      <name><xsl:value-of select="@name"/></name>
      <mac><xsl:value-of select="@mac"/></mac>
      <driver><xsl:value-of select="@driver"/></driver>
      <pci><xsl:value-of select="@pci"/></pci>
      <linkMbps><xsl:value-of select="@linkMbps"/></linkMbps>
      <duplex><xsl:value-of select="@duplex"/></duplex>
    </nic>
  </xsl:for-each>
</host>
</xsl:template>
</xsl:stylesheet>
