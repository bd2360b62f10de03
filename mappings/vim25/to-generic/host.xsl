<?xml version="1.0" encoding="UTF-8"?>
<!-- The hosts behind one address (<in>: <x> with their sums, `about` and each HostSystem) to a generic host. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:template match="/in">
<host>
  <name><xsl:value-of select="x/@name"/></name>
  <uuid><xsl:value-of select="x/@uuid"/></uuid>
  <vendor><xsl:value-of select="x/@vendor"/></vendor>
  <model><xsl:value-of select="x/@model"/></model>
  <serial><xsl:value-of select="x/@serial"/></serial>
  <cpuModel><xsl:value-of select="x/@cpuModel"/></cpuModel>
  <cpuVendor><xsl:value-of select="x/@cpuVendor"/></cpuVendor>
  <cpuMhz><xsl:value-of select="x/@cpuMhz"/></cpuMhz>
  <cpuPackages><xsl:value-of select="x/@packages"/></cpuPackages>
  <cpuCores><xsl:value-of select="x/@cores"/></cpuCores>
  <cpuThreads><xsl:value-of select="x/@threads"/></cpuThreads>
  <numaNodes><xsl:value-of select="x/@nodes"/></numaNodes>
  <memoryBytes><xsl:value-of select="x/@memory"/></memoryBytes>
  <vmCpuMax><xsl:value-of select="x/@vmCpuMax"/></vmCpuMax>
  <hypervisor><xsl:value-of select="about/name"/></hypervisor>
  <hypervisorVersion><xsl:value-of select="about/version"/></hypervisorVersion>
  <domain><xsl:value-of select="x/@domain"/></domain>
  <xsl:for-each select="x/dns"><dnsServer><xsl:value-of select="@address"/></dnsServer></xsl:for-each>
  <timeZone>UTC</timeZone>
  <bootedMs><xsl:value-of select="x/@booted"/></bootedMs>
  <connected><xsl:value-of select="x/@connected"/></connected>
  <maintenance><xsl:value-of select="x/@maintenance"/></maintenance>
  <xsl:for-each select="x/control"><control><xsl:value-of select="@name"/></control></xsl:for-each>
  <xsl:for-each select="x/nic"><nic><name><xsl:value-of select="@name"/></name><mac><xsl:value-of select="@mac"/></mac><driver><xsl:value-of select="@driver"/></driver><pci><xsl:value-of select="@pci"/></pci><linkMbps><xsl:value-of select="@link"/></linkMbps><duplex><xsl:value-of select="@duplex"/></duplex></nic></xsl:for-each>
</host>
</xsl:template>
</xsl:stylesheet>
