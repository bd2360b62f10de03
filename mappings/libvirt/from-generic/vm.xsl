<?xml version="1.0" encoding="UTF-8"?>
<!-- A change of a vm (<change>: <native>, <before>, <after>, and <x> with what differs in libvirt's words) to the domain as it shall be: an
     identity copy with overrides; without a native domain, a new one. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="xml" omit-xml-declaration="yes" indent="no" encoding="UTF-8"/>

<xsl:template match="/change">
  <xsl:choose>
    <xsl:when test="native/domain"><xsl:apply-templates select="native/domain"/></xsl:when>
    <xsl:otherwise><xsl:call-template name="create"/></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="@*|node()"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:template>

<xsl:template match="/change/native/domain">
  <xsl:copy>
    <xsl:apply-templates select="@*|node()"/>
    <xsl:if test="not(title) and /change/x/@title != ''"><title><xsl:value-of select="/change/x/@title"/></title></xsl:if>
    <xsl:if test="not(description) and /change/x/@description != ''"><description><xsl:value-of select="/change/x/@description"/></description></xsl:if>
    <xsl:if test="not(metadata) and /change/x/@metadata"><metadata><xsl:copy-of select="/change/x/metadata/node()"/></metadata></xsl:if>
    <xsl:if test="not(currentMemory) and /change/x/@currentKiB"><currentMemory unit="KiB"><xsl:value-of select="/change/x/@currentKiB"/></currentMemory></xsl:if>
    <xsl:if test="not(vcpu) and /change/x/@vcpuMax"><xsl:call-template name="vcpu"/></xsl:if>
    <xsl:if test="not(cpu) and /change/x/@cores"><cpu><xsl:call-template name="topology"/></cpu></xsl:if>
  </xsl:copy>
</xsl:template>

<xsl:template match="/change/native/domain/name">
  <xsl:choose>
    <xsl:when test="/change/x/@name"><name><xsl:value-of select="/change/x/@name"/></name></xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>
<xsl:template match="/change/native/domain/uuid">
  <xsl:choose>
    <xsl:when test="/change/x/@uuid"><uuid><xsl:value-of select="/change/x/@uuid"/></uuid></xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>
<xsl:template match="/change/native/domain/genid"><xsl:if test="not(/change/x/@clone)"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:if></xsl:template>
<xsl:template match="/change/native/domain/title">
  <xsl:choose>
    <xsl:when test="/change/x/@title"><xsl:if test="/change/x/@title != ''"><title><xsl:value-of select="/change/x/@title"/></title></xsl:if></xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>
<xsl:template match="/change/native/domain/description">
  <xsl:choose>
    <xsl:when test="/change/x/@description"><xsl:if test="/change/x/@description != ''"><description><xsl:value-of select="/change/x/@description"/></description></xsl:if></xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>
<xsl:template match="/change/native/domain/metadata">
  <xsl:copy>
    <xsl:choose>
      <xsl:when test="/change/x/@metadata">
        <xsl:for-each select="node()"><xsl:if test="not(/change/x/@ownName) or name() != /change/x/@ownName"><xsl:copy-of select="."/></xsl:if></xsl:for-each>
        <xsl:copy-of select="/change/x/metadata/node()"/>
      </xsl:when>
      <xsl:otherwise><xsl:apply-templates select="@*|node()"/></xsl:otherwise>
    </xsl:choose>
  </xsl:copy>
</xsl:template>

<xsl:template match="/change/native/domain/memory">
  <xsl:choose>
    <xsl:when test="/change/x/@memoryKiB"><memory unit="KiB"><xsl:value-of select="/change/x/@memoryKiB"/></memory></xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>
<xsl:template match="/change/native/domain/currentMemory">
  <xsl:choose>
    <xsl:when test="/change/x/@currentKiB"><currentMemory unit="KiB"><xsl:value-of select="/change/x/@currentKiB"/></currentMemory></xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template name="vcpu"><vcpu><xsl:if test="/change/x/@vcpuCurrent"><xsl:attribute name="current"><xsl:value-of select="/change/x/@vcpuCurrent"/></xsl:attribute></xsl:if><xsl:value-of select="/change/x/@vcpuMax"/></vcpu></xsl:template>
<xsl:template match="/change/native/domain/vcpu">
  <xsl:choose>
    <xsl:when test="/change/x/@vcpuMax">
      <vcpu><xsl:copy-of select="@*[name() != 'current']"/><xsl:if test="/change/x/@vcpuCurrent"><xsl:attribute name="current"><xsl:value-of select="/change/x/@vcpuCurrent"/></xsl:attribute></xsl:if><xsl:value-of select="/change/x/@vcpuMax"/></vcpu>
    </xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>
<xsl:template match="/change/native/domain/vcpus"><xsl:if test="not(/change/x/@vcpuMax)"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:if></xsl:template>
<xsl:template name="topology"><topology sockets="{/change/x/@sockets}" cores="{/change/x/@cores}" threads="1"/></xsl:template>
<xsl:template match="/change/native/domain/cpu">
  <xsl:copy>
    <xsl:apply-templates select="@*|node()"/>
    <xsl:if test="not(topology) and /change/x/@cores"><xsl:call-template name="topology"/></xsl:if>
  </xsl:copy>
</xsl:template>
<xsl:template match="/change/native/domain/cpu/topology">
  <xsl:choose>
    <xsl:when test="/change/x/@cores"><xsl:call-template name="topology"/></xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="/change/native/domain/os">
  <xsl:copy>
    <xsl:choose>
      <xsl:when test="/change/x/@firmware">
        <xsl:copy-of select="@*[name() != 'firmware']"/>
        <xsl:if test="/change/x/@firmware = 'efi'"><xsl:attribute name="firmware">efi</xsl:attribute></xsl:if>
        <xsl:if test="/change/x/@secure"><firmware><feature name="secure-boot"><xsl:attribute name="enabled"><xsl:choose><xsl:when test="/change/x/@secure = 'true'">yes</xsl:when><xsl:otherwise>no</xsl:otherwise></xsl:choose></xsl:attribute></feature></firmware></xsl:if>
        <xsl:for-each select="node()"><xsl:if test="name() != 'loader' and name() != 'nvram' and name() != 'firmware'"><xsl:apply-templates select="."/></xsl:if></xsl:for-each>
      </xsl:when>
      <xsl:otherwise><xsl:apply-templates select="@*|node()"/></xsl:otherwise>
    </xsl:choose>
    <xsl:if test="/change/x/@newBoot"><xsl:for-each select="/change/x/boot"><boot dev="{@dev}"/></xsl:for-each></xsl:if>
  </xsl:copy>
</xsl:template>
<xsl:template match="/change/native/domain/os/boot"><xsl:if test="not(/change/x/@newBoot)"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:if></xsl:template>
<xsl:template match="/change/native/domain/os/nvram"><xsl:if test="not(/change/x/@clone)"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:if></xsl:template>
<xsl:template match="/change/native/domain/devices/disk/boot"><xsl:if test="not(/change/x/@newBoot)"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:if></xsl:template>
<xsl:template match="/change/native/domain/devices/interface/boot"><xsl:if test="not(/change/x/@newBoot)"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:if></xsl:template>
<xsl:template match="/change/native/domain/devices/hostdev/boot"><xsl:if test="not(/change/x/@newBoot)"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:if></xsl:template>

<xsl:template match="/change/native/domain/devices">
  <xsl:copy>
    <xsl:apply-templates select="@*|node()"/>
    <xsl:call-template name="new-devices"/>
    <xsl:if test="/change/x/vnc[not(@gone)] and not(graphics[@type='vnc'])"><xsl:for-each select="/change/x/vnc"><xsl:call-template name="vnc"/></xsl:for-each></xsl:if>
  </xsl:copy>
</xsl:template>

<xsl:template name="new-devices">
  <xsl:for-each select="/change/x/disk[not(@was)]"><xsl:call-template name="disk"/></xsl:for-each>
  <xsl:for-each select="/change/x/controller[not(@was)]"><controller type="scsi" index="{@index}" model="{@model}"/></xsl:for-each>
  <xsl:for-each select="/change/x/nic[not(@was)]"><xsl:call-template name="nic"/></xsl:for-each>
  <xsl:for-each select="/change/x/serial"><serial type="pty"><target port="{@port}"/></serial></xsl:for-each>
</xsl:template>

<!-- disks, CD-ROMs, floppies: matched by the target's device name -->
<xsl:template name="disk">
  <disk type="{@type}" device="{@device}">
    <driver name="qemu" type="{@format}"/>
    <xsl:call-template name="source"/>
    <xsl:call-template name="place"/>
    <xsl:call-template name="flags"/>
    <xsl:if test="@serial"><serial><xsl:value-of select="@serial"/></serial></xsl:if>
  </disk>
</xsl:template>
<xsl:template name="source">
  <xsl:if test="@file"><source file="{@file}"/></xsl:if>
  <xsl:if test="@block"><source dev="{@block}"/></xsl:if>
  <xsl:if test="@volume"><source pool="{@pool}" volume="{@volume}"/></xsl:if>
</xsl:template>
<xsl:template name="place">
  <target dev="{@dev}" bus="{@bus}"/>
  <xsl:if test="@unit"><address type="drive" controller="{@controller}" bus="{@addressBus}" target="{@target}" unit="{@unit}"/></xsl:if>
</xsl:template>
<xsl:template name="flags">
  <xsl:if test="@readonly or @device = 'cdrom'"><readonly/></xsl:if>
  <xsl:if test="@shareable"><shareable/></xsl:if>
  <xsl:if test="@transient"><transient/></xsl:if>
</xsl:template>

<xsl:template match="/change/native/domain/devices/disk">
  <xsl:variable name="dev" select="target/@dev"/>
  <xsl:choose>
    <xsl:when test="/change/x/gone[@dev = $dev]"/>
    <xsl:when test="/change/x/disk[@was = $dev]">
      <xsl:variable name="newSource" select="/change/x/disk[@was = $dev]/@newSource"/>
      <xsl:variable name="newPlace" select="/change/x/disk[@was = $dev]/@newPlace"/>
      <xsl:variable name="newFlags" select="/change/x/disk[@was = $dev]/@newFlags"/>
      <xsl:variable name="type" select="/change/x/disk[@was = $dev]/@type"/>
      <xsl:variable name="format" select="/change/x/disk[@was = $dev]/@format"/>
      <xsl:copy>
        <xsl:copy-of select="@*[name() != 'type']"/>
        <xsl:attribute name="type"><xsl:choose><xsl:when test="$newSource"><xsl:value-of select="$type"/></xsl:when><xsl:otherwise><xsl:value-of select="@type"/></xsl:otherwise></xsl:choose></xsl:attribute>
        <xsl:for-each select="node()">
          <xsl:choose>
            <xsl:when test="$newSource and (name() = 'source' or name() = 'backingStore' or name() = 'mirror')"/>
            <xsl:when test="$newPlace and (name() = 'target' or name() = 'address')"/>
            <xsl:when test="$newFlags and (name() = 'readonly' or name() = 'shareable' or name() = 'transient')"/>
            <xsl:when test="$newSource and name() = 'driver'"><driver><xsl:copy-of select="@*[name() != 'type']"/><xsl:attribute name="type"><xsl:value-of select="$format"/></xsl:attribute><xsl:copy-of select="node()"/></driver></xsl:when>
            <xsl:otherwise><xsl:apply-templates select="."/></xsl:otherwise>
          </xsl:choose>
        </xsl:for-each>
        <xsl:for-each select="/change/x/disk[@was = $dev]">
          <xsl:if test="$newSource"><xsl:call-template name="source"/></xsl:if>
          <xsl:if test="$newPlace"><xsl:call-template name="place"/></xsl:if>
          <xsl:if test="$newFlags"><xsl:call-template name="flags"/></xsl:if>
        </xsl:for-each>
      </xsl:copy>
    </xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="/change/native/domain/devices/controller">
  <xsl:variable name="index" select="@index"/>
  <xsl:choose>
    <xsl:when test="@type = 'scsi' and /change/x/goneController[@index = $index]"/>
    <xsl:when test="@type = 'scsi' and /change/x/controller[@was and @index = $index]">
      <xsl:copy><xsl:copy-of select="@*[name() != 'model']"/><xsl:attribute name="model"><xsl:value-of select="/change/x/controller[@was and @index = $index]/@model"/></xsl:attribute><xsl:apply-templates select="node()"/></xsl:copy>
    </xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<!-- network cards: matched by MAC address, spelled as the domain spells it -->
<xsl:template name="nic">
  <interface>
    <xsl:attribute name="type"><xsl:choose><xsl:when test="@network">network</xsl:when><xsl:otherwise>user</xsl:otherwise></xsl:choose></xsl:attribute>
    <xsl:call-template name="mac"/>
    <xsl:if test="@network"><source network="{@network}"/></xsl:if>
    <model type="{@model}"/>
    <xsl:call-template name="nic-rest"/>
  </interface>
</xsl:template>
<!-- an address that somebody chose is told from one that was made up -->
<xsl:template name="mac">
  <xsl:if test="@mac != ''"><mac address="{@mac}"><xsl:if test="@static"><xsl:attribute name="type">static</xsl:attribute></xsl:if></mac></xsl:if>
</xsl:template>
<xsl:template name="nic-rest">
  <xsl:if test="@link = 'down'"><link state="down"/></xsl:if>
  <xsl:if test="@mtu"><mtu size="{@mtu}"/></xsl:if>
  <xsl:if test="@vlan"><vlan><tag id="{@vlan}"/></vlan></xsl:if>
</xsl:template>

<xsl:template match="/change/native/domain/devices/interface">
  <xsl:variable name="mac" select="mac/@address"/>
  <xsl:choose>
    <xsl:when test="/change/x/goneNic[@mac = $mac]"/>
    <xsl:when test="/change/x/nic[@was = $mac]">
      <xsl:variable name="newMac" select="/change/x/nic[@was = $mac]/@newMac"/>
      <xsl:variable name="newModel" select="/change/x/nic[@was = $mac]/@newModel"/>
      <xsl:variable name="newSource" select="/change/x/nic[@was = $mac]/@newSource"/>
      <xsl:variable name="newLink" select="/change/x/nic[@was = $mac]/@newLink"/>
      <xsl:variable name="newMtu" select="/change/x/nic[@was = $mac]/@newMtu"/>
      <xsl:variable name="newVlan" select="/change/x/nic[@was = $mac]/@newVlan"/>
      <xsl:variable name="network" select="/change/x/nic[@was = $mac]/@network"/>
      <xsl:copy>
        <xsl:copy-of select="@*[name() != 'type']"/>
        <xsl:attribute name="type"><xsl:choose><xsl:when test="$newSource and $network">network</xsl:when><xsl:when test="$newSource">user</xsl:when><xsl:otherwise><xsl:value-of select="@type"/></xsl:otherwise></xsl:choose></xsl:attribute>
        <xsl:for-each select="node()">
          <xsl:choose>
            <xsl:when test="$newMac and name() = 'mac'"/>
            <xsl:when test="$newModel and name() = 'model'"/>
            <xsl:when test="$newSource and (name() = 'source' or name() = 'virtualport')"/>
            <xsl:when test="$newLink and name() = 'link'"/>
            <xsl:when test="$newMtu and name() = 'mtu'"/>
            <xsl:when test="$newVlan and name() = 'vlan'"/>
            <xsl:otherwise><xsl:apply-templates select="."/></xsl:otherwise>
          </xsl:choose>
        </xsl:for-each>
        <xsl:for-each select="/change/x/nic[@was = $mac]">
          <xsl:if test="$newMac"><xsl:call-template name="mac"/></xsl:if>
          <xsl:if test="$newModel"><model type="{@model}"/></xsl:if>
          <xsl:if test="$newSource and @network"><source network="{@network}"/></xsl:if>
          <xsl:if test="$newLink"><link state="{@link}"/></xsl:if>
          <xsl:if test="$newMtu and @mtu"><mtu size="{@mtu}"/></xsl:if>
          <xsl:if test="$newVlan and @vlan"><vlan><tag id="{@vlan}"/></vlan></xsl:if>
        </xsl:for-each>
      </xsl:copy>
    </xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template match="/change/native/domain/devices/serial">
  <xsl:variable name="port" select="target/@port"/>
  <xsl:if test="not(/change/x/goneSerial[@port = $port])"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:if>
</xsl:template>

<!-- a serial console is the same port once more: it would bring the port back -->
<xsl:template match="/change/native/domain/devices/console">
  <xsl:variable name="port" select="target/@port"/>
  <xsl:if test="not(target/@type = 'serial' and /change/x/goneSerial[@port = $port])"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:if>
</xsl:template>

<xsl:template name="vnc">
  <graphics type="vnc" port="{@port}" listen="{@listen}"><xsl:if test="@port = '-1'"><xsl:attribute name="autoport">yes</xsl:attribute></xsl:if></graphics>
</xsl:template>
<xsl:template match="/change/native/domain/devices/graphics">
  <xsl:choose>
    <xsl:when test="@type = 'vnc' and /change/x/vnc/@gone"/>
    <xsl:when test="@type = 'vnc' and /change/x/vnc">
      <xsl:copy>
        <xsl:copy-of select="@*[name() != 'port' and name() != 'listen' and name() != 'autoport']"/>
        <xsl:attribute name="port"><xsl:value-of select="/change/x/vnc/@port"/></xsl:attribute>
        <xsl:attribute name="autoport"><xsl:choose><xsl:when test="/change/x/vnc/@port = '-1'">yes</xsl:when><xsl:otherwise>no</xsl:otherwise></xsl:choose></xsl:attribute>
        <xsl:attribute name="listen"><xsl:value-of select="/change/x/vnc/@listen"/></xsl:attribute>
        <xsl:for-each select="node()"><xsl:if test="name() != 'listen'"><xsl:apply-templates select="."/></xsl:if></xsl:for-each>
      </xsl:copy>
    </xsl:when>
    <xsl:otherwise><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template name="create">
  <xsl:for-each select="x">
  <domain type="{@type}">
    <name><xsl:value-of select="@name"/></name>
    <uuid><xsl:value-of select="@uuid"/></uuid>
    <xsl:if test="@title"><title><xsl:value-of select="@title"/></title></xsl:if>
    <xsl:if test="@description"><description><xsl:value-of select="@description"/></description></xsl:if>
    <metadata><xsl:copy-of select="metadata/node()"/></metadata>
    <memory unit="KiB"><xsl:value-of select="@memoryKiB"/></memory>
    <currentMemory unit="KiB"><xsl:value-of select="@currentKiB"/></currentMemory>
    <xsl:call-template name="vcpu"/>
    <os>
      <xsl:if test="@firmware = 'efi'"><xsl:attribute name="firmware">efi</xsl:attribute></xsl:if>
      <type arch="{@arch}"><xsl:if test="@machine"><xsl:attribute name="machine"><xsl:value-of select="@machine"/></xsl:attribute></xsl:if><xsl:value-of select="@osType"/></type>
      <xsl:if test="@secure"><firmware><feature enabled="yes" name="secure-boot"/></firmware></xsl:if>
      <xsl:for-each select="boot"><boot dev="{@dev}"/></xsl:for-each>
    </os>
    <features><acpi/><apic/><xsl:if test="@secure"><smm state="on"/></xsl:if></features>
    <xsl:if test="@type = 'kvm' or @cores">
      <cpu>
        <xsl:if test="@type = 'kvm'"><xsl:attribute name="mode">host-passthrough</xsl:attribute></xsl:if>
        <xsl:if test="@cores"><xsl:call-template name="topology"/></xsl:if>
      </cpu>
    </xsl:if>
    <clock offset="utc"/>
    <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
    <devices>
      <xsl:call-template name="new-devices"/>
      <xsl:if test="@type != 'test'"><channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel></xsl:if>
      <input type="tablet" bus="usb"/>
      <xsl:for-each select="vnc"><xsl:call-template name="vnc"/></xsl:for-each>
      <video><model type="vga"/></video>
      <memballoon model="virtio"/>
    </devices>
  </domain>
  </xsl:for-each>
</xsl:template>
</xsl:stylesheet>
