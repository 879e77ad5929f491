package registry_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hczjl/transship/blob"
	"github.com/hczjl/transship/distribution/registry"
)

// Content and uploads in progress count; what is cancelled, refused or stored twice does not for long.
func TestQuota(t *testing.T) {
	q := &registry.Quota{Store: &registry.Memory{}, Limit: 1000,
		Size: func(context.Context) (int64, error) { return 0, nil }}
	c := serve(t, &registry.Handler{Store: q})
	content := strings.Repeat("x", 400)
	c.pushBlob("a", content)
	s := c.startUpload("a")
	c.do("PATCH", s, strings.Repeat("y", 500)).want(t, 202, "")
	resp := c.do("POST", "/v2/a/blobs/uploads/?digest="+digest(content+"z"), content+"z").want(t, 507, "UNKNOWN")
	if !strings.Contains(resp.body, "quota") {
		t.Errorf("got %s", resp.body)
	}
	c.do("DELETE", s, "").want(t, 204, "")
	c.do("POST", "/v2/a/blobs/uploads/?digest="+digest("wrong"), content).want(t, 400, "DIGEST_INVALID")
	c.pushBlob("a", content+"z")
	c.do("PUT", "/v2/a/manifests/1", imageOf(content, `"annotations":{"x":"`+content+`"}`)).want(t, 507, "UNKNOWN")
}

// Space that a prune frees is noticed.
func TestQuotaCountsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stored := int64(1000)
		q := &registry.Quota{Store: &registry.Memory{}, Limit: 1000,
			Size: func(context.Context) (int64, error) { return stored, nil }}
		write := func() error {
			u, err := q.Repository("a").NewUpload(t.Context(), blob.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			_, err = u.Write([]byte("x"))
			return err
		}
		if err := write(); !errors.Is(err, syscall.EDQUOT) {
			t.Errorf("got %v", err)
		}
		stored = 0
		time.Sleep(time.Minute)
		if err := write(); err != nil {
			t.Error(err)
		}
	})
}
