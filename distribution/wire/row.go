package wire

import "github.com/hczjl/transship/distribution/endpoint"

// Rows of calls that are none of the specification's.
const (
	RowToken    = "token"            // a request to a token server
	RowRedirect = "redirect"         // a hop that a redirect asked for
	RowCatalog  = endpoint.IDCatalog // docker's extension GET /v2/_catalog
)
