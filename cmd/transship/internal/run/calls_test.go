package run

import (
	"errors"
	"testing"
	"time"

	"github.com/hczjl/transship/distribution/wire"
)

func TestCallLine(t *testing.T) {
	for want, c := range map[string]wire.Call{
		"200 GET      12.3ms http://r/v2/ received 7 B": {
			StatusCode: 200, Method: "GET", Duration: 12345 * time.Microsecond, Received: 7, Attempt: 1,
		},
		"--- HEAD      0.0ms http://r/v2/ attempt 3 no; answer": {
			Method: "HEAD", Attempt: 3, Err: errors.New("no\nanswer"),
		},
		"201 PUT    1000.0ms http://r/v2/ sent 1.5 MB attempt 2": {
			StatusCode: 201, Method: "PUT", Duration: time.Second, Sent: 1_500_000, Attempt: 2,
		},
	} {
		c.URL = "http://r/v2/"
		if got := callLine(c); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}
