package wire

import "github.com/hczjl/transship/distribution/endpoint"

// Rows of calls outside of the specification.
const (
	RowToken    = "token"            // a request to a token server
	RowRedirect = "redirect"         // the request that follows a redirect
	RowCatalog  = endpoint.IDCatalog // docker's extension GET /v2/_catalog
	RowOther    = "other"            // a call to a registry that the API does not have
)
