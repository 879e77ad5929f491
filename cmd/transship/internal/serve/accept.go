package serve

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// prefersHTML reports whether a client names HTML in its Accept header and not plain text before it
// (RFC 9110, section 12.5.1), as browsers do. curl and most others accept anything.
func prefersHTML(header http.Header) bool {
	html, plain := 0.0, 0.0
	for part := range strings.SplitSeq(strings.Join(header.Values("Accept"), ","), ",") {
		mediaType, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		weight, err := strconv.ParseFloat(parameters["q"], 64)
		if err != nil {
			weight = 1
		}
		switch mediaType {
		case "text/html", "application/xhtml+xml":
			html = max(html, weight)
		case "text/plain":
			plain = max(plain, weight)
		}
	}
	return html > 0 && html >= plain
}
