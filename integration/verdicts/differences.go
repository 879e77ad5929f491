package main

// Why a verdict is another one; docs/security.md has the table.
const (
	anyHash    = "the hash that belongs to the curve counts as well as SHA-256"
	noSCT      = "certificate transparency is not checked; the verdict says so"
	anySource  = "a signature tag counts beside bundles"
	noCOSE     = "COSE envelopes are not read"
	strictJSON = "documents that programs could read differently are refused"
	layerType  = "only layers of cosign's media type are signatures"
	noTiles    = "log entries without a signed time are refused"
	anyName    = "any name of the certificate counts"
	newIssuer  = "the issuer as an ASN.1 string counts before the one as plain text"
	unknown    = "members that nobody knows are ignored"
	byArtifact = "a bundle is found by the artifactType of its manifest"
	oneEntry   = "a log entry that is there twice counts once"
	inToto     = "only in-toto statements count"
)

// differences are the cases in which transship's verdict is not the tool's.
var differences = map[string]struct {
	ours bool
	why  string
}{
	"tag-two-keys":                {true, "any key of the file counts"},
	"tag-layer-type":              {false, layerType},
	"bundle-tiles":                {false, noTiles},
	"bundle-tiles-key":            {false, noTiles},
	"tag-p384-sha384":             {true, anyHash},
	"bundle-p384-sha384":          {true, anyHash},
	"tag-certificate-no-sct":      {true, noSCT},
	"bundle-no-sct":               {true, noSCT},
	"bundle-bad-and-tag-good":     {true, anySource},
	"notation-cose":               {false, noCOSE},
	"notation-critical-attribute": {false, "critical attributes that nobody knows are refused"},
	"tag-duplicate-member":        {false, strictJSON},
	"tag-member-case":             {false, strictJSON},
	"tag-leaf-issuer-v2":          {true, newIssuer},
	"tag-leaf-issuers-differ":     {true, newIssuer},
	"bundle-artifact-type":        {false, byArtifact},
	"bundle-entry-twice":          {true, oneEntry},
	"bundle-leaf-two-names-mail":  {true, anyName},
	"bundle-leaf-two-uris":        {true, anyName},
	"bundle-statement-type":       {false, inToto},
	"bundle-unknown-member":       {true, unknown},
}
