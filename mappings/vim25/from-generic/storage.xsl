<?xml version="1.0" encoding="UTF-8"?>
<!-- A generic storage (<in>) to Datastore. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>
<xsl:strip-space elements="*"/>
<xsl:template match="/in">
<bundle><member type="Datastore" id="{x/@moid}">
  <overallStatus><xsl:value-of select="x/@status"/></overallStatus>
  <configStatus><xsl:value-of select="x/@status"/></configStatus>
  <name><xsl:value-of select="x/@name"/></name>
  <alarmActionsEnabled>true</alarmActionsEnabled>
  <xsl:choose>
    <xsl:when test="x/@type = 'NFS'">
      <info xsi:type="NasDatastoreInfo"><xsl:call-template name="info"/>
        <nas><type>NFS</type><name><xsl:value-of select="x/@name"/></name><capacity><xsl:value-of select="storage/capacityBytes"/></capacity><remoteHost><xsl:value-of select="storage/remoteHost"/></remoteHost><remotePath><xsl:value-of select="storage/remotePath"/></remotePath></nas>
      </info>
    </xsl:when>
    <xsl:otherwise>
      <info xsi:type="VmfsDatastoreInfo"><xsl:call-template name="info"/>
        <maxPhysicalRDMFileSize>0</maxPhysicalRDMFileSize><maxVirtualRDMFileSize>0</maxVirtualRDMFileSize>
        <vmfs><type>VMFS</type><name><xsl:value-of select="x/@name"/></name><capacity><xsl:value-of select="storage/capacityBytes"/></capacity><blockSizeMb>1</blockSizeMb><maxBlocks>63963136</maxBlocks><majorVersion>6</majorVersion><version>6.82</version><uuid><xsl:value-of select="x/@short"/></uuid><extent><diskName><xsl:value-of select="storage/path"/></diskName><partition>1</partition></extent><vmfsUpgradable>false</vmfsUpgradable><ssd>false</ssd><local>true</local></vmfs>
      </info>
    </xsl:otherwise>
  </xsl:choose>
  <summary>
    <datastore type="Datastore"><xsl:value-of select="x/@moid"/></datastore>
    <name><xsl:value-of select="x/@name"/></name>
    <url><xsl:value-of select="x/@url"/></url>
    <capacity><xsl:value-of select="storage/capacityBytes"/></capacity>
    <freeSpace><xsl:value-of select="storage/availableBytes"/></freeSpace>
    <uncommitted>0</uncommitted>
    <accessible><xsl:value-of select="storage/accessible"/></accessible>
    <multipleHostAccess>false</multipleHostAccess>
    <type><xsl:value-of select="x/@type"/></type>
    <maintenanceMode>normal</maintenanceMode>
  </summary>
  <host>
    <key type="HostSystem">ha-host</key>
    <mountInfo><path><xsl:value-of select="storage/path"/></path><accessMode>readWrite</accessMode><mounted><xsl:value-of select="storage/accessible"/></mounted><accessible><xsl:value-of select="storage/accessible"/></accessible></mountInfo>
  </host>
  <browser type="HostDatastoreBrowser"><xsl:text>ha-host-datastorebrowser</xsl:text></browser>
  <capability><directoryHierarchySupported>true</directoryHierarchySupported><rawDiskMappingsSupported>false</rawDiskMappingsSupported><perFileThinProvisioningSupported>true</perFileThinProvisioningSupported><storageIORMSupported>false</storageIORMSupported><nativeSnapshotSupported>false</nativeSnapshotSupported><topLevelDirectoryCreateSupported>true</topLevelDirectoryCreateSupported><seSparseSupported>false</seSparseSupported></capability>
</member></bundle>
</xsl:template>
<xsl:template name="info">
  <name><xsl:value-of select="x/@name"/></name>
  <url><xsl:value-of select="x/@url"/></url>
  <freeSpace><xsl:value-of select="storage/availableBytes"/></freeSpace>
  <maxFileSize><xsl:value-of select="x/@maxFileSize"/></maxFileSize>
  <maxVirtualDiskCapacity><xsl:value-of select="x/@maxFileSize"/></maxVirtualDiskCapacity>
  <maxMemoryFileSize><xsl:value-of select="x/@maxFileSize"/></maxMemoryFileSize>
</xsl:template>
</xsl:stylesheet>
