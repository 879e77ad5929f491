package record

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hczjl/transship/integration/servers"
)

// On a full disk the next call is refused, and the registry gets neither it nor a later one.
func TestFullDiskRefusesCalls(t *testing.T) {
	t.Parallel()
	disk, _ := servers.SmallDisk(t, 16<<10)
	at := servers.CNCF(t, servers.Options{})
	record := servers.Record(t, "--audit", filepath.Join(disk, "record.jsonl"), at.Host)
	at.ForgetCalls(t)
	const most = 100 // calls, whose records have about 1 KB each
	answered := 0
	for answered < most && ping(t, record.Host) {
		answered++
	}
	if answered == 0 || answered == most {
		t.Errorf("%d calls are answered before one is refused", answered)
	}
	if ping(t, record.Host) {
		t.Error("a later call is answered")
	}
	if exit := record.Stop(t); exit != 1 {
		t.Errorf("record ends with %d", exit)
	}
	if log := record.Log(); !strings.Contains(log, "no space left on device") {
		t.Errorf("it says %s", log)
	}
	if calls := len(at.Calls(t)); calls != answered {
		t.Errorf("%d calls are answered, and the registry got %d", answered, calls)
	}
}

// ping calls end-1 and reports whether it is answered with 200, not with 403 or, as the run has ended, not at all.
func ping(t *testing.T, host string) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
