package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// An SPDX 2.3 document (https://spdx.github.io/spdx-spec/v2.3). Only the members that a Go program
// needs.
type spdxDocument struct {
	SPDXVersion       string             `json:"spdxVersion"`
	DataLicense       string             `json:"dataLicense"`
	SPDXID            string             `json:"SPDXID"`
	Name              string             `json:"name"`
	DocumentNamespace string             `json:"documentNamespace"`
	CreationInfo      spdxCreation       `json:"creationInfo"`
	Packages          []spdxPackage      `json:"packages"`
	Relationships     []spdxRelationship `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	SPDXID           string         `json:"SPDXID"`
	Name             string         `json:"name"`
	VersionInfo      string         `json:"versionInfo,omitempty"`
	DownloadLocation string         `json:"downloadLocation"`
	FilesAnalyzed    bool           `json:"filesAnalyzed"`
	LicenseDeclared  string         `json:"licenseDeclared"`
	LicenseConcluded string         `json:"licenseConcluded"`
	CopyrightText    string         `json:"copyrightText"`
	Checksums        []spdxChecksum `json:"checksums,omitempty"`
	ExternalRefs     []spdxRef      `json:"externalRefs,omitempty"`
	PackageFileName  string         `json:"packageFileName,omitempty"`
	Comment          string         `json:"comment,omitempty"`
}

type spdxChecksum struct {
	Algorithm     string `json:"algorithm"`
	ChecksumValue string `json:"checksumValue"`
}

type spdxRef struct {
	ReferenceCategory string `json:"referenceCategory"`
	ReferenceType     string `json:"referenceType"`
	ReferenceLocator  string `json:"referenceLocator"`
}

type spdxRelationship struct {
	SPDXElementID      string `json:"spdxElementId"`
	RelationshipType   string `json:"relationshipType"`
	RelatedSPDXElement string `json:"relatedSpdxElement"`
}

// sbom writes the list of the modules that a program was built from, which the program itself
// holds: go version -m shows the same.
func (r *release) sbom(p program) error {
	info, err := buildinfo.ReadFile(p.path)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(p.path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	document := newSPDX(r.name(p.target), info, hex.EncodeToString(sum[:]), p.base(), r.created())
	raw, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(r.path(r.name(p.target)+".spdx.json"), append(raw, '\n'), 0o644)
}

func newSPDX(name string, info *debug.BuildInfo, sum, fileName string, created time.Time) spdxDocument {
	main := modulePackage(info.Main)
	main.Checksums = []spdxChecksum{{Algorithm: "SHA256", ChecksumValue: sum}}
	main.PackageFileName, main.LicenseDeclared = fileName, "Apache-2.0"
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			main.Comment = "built from commit " + s.Value
		}
	}
	version := strings.TrimPrefix(info.GoVersion, "go")
	std := modulePackage(debug.Module{Path: "stdlib", Version: version})
	std.LicenseDeclared = "BSD-3-Clause"
	document := spdxDocument{
		SPDXVersion: "SPDX-2.3", DataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT", Name: name,
		// Unique, as SPDX wants it, and the same whenever the same bytes are described.
		DocumentNamespace: fmt.Sprintf("https://%s/releases/%s/%s", info.Main.Path, name, sum),
		CreationInfo: spdxCreation{
			Created:  created.Format(time.RFC3339),
			Creators: []string{"Tool: " + info.Main.Path + "/integration/release"},
		},
		Packages: []spdxPackage{main, std},
		Relationships: []spdxRelationship{
			{SPDXElementID: "SPDXRef-DOCUMENT", RelationshipType: "DESCRIBES", RelatedSPDXElement: main.SPDXID},
			{SPDXElementID: main.SPDXID, RelationshipType: "DEPENDS_ON", RelatedSPDXElement: std.SPDXID},
		},
	}
	for _, m := range info.Deps {
		dep := modulePackage(*m)
		document.Packages = append(document.Packages, dep)
		document.Relationships = append(document.Relationships, spdxRelationship{
			SPDXElementID: main.SPDXID, RelationshipType: "DEPENDS_ON", RelatedSPDXElement: dep.SPDXID,
		})
	}
	return document
}

// modulePackage describes a module. Its name as package URL is that of purl-spec's type golang.
func modulePackage(m debug.Module) spdxPackage {
	locator := "pkg:golang/" + m.Path
	if m.Version != "" {
		locator += "@" + m.Version
	}
	p := spdxPackage{
		SPDXID:           "SPDXRef-" + spdxID(m.Path),
		Name:             m.Path,
		VersionInfo:      m.Version,
		DownloadLocation: "NOASSERTION",
		LicenseDeclared:  "NOASSERTION",
		LicenseConcluded: "NOASSERTION",
		CopyrightText:    "NOASSERTION",
		ExternalRefs: []spdxRef{{
			ReferenceCategory: "PACKAGE-MANAGER", ReferenceType: "purl", ReferenceLocator: locator,
		}},
	}
	if m.Sum != "" {
		p.Comment = "go.sum: " + m.Sum
	}
	return p
}

// spdxID returns a text with only the characters that an SPDX identifier may have.
func spdxID(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
			return c
		}
		return '-'
	}, s)
}
