package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/hczjl/transship/auth"
)

func ExampleTransport() {
	client := &http.Client{Transport: &auth.Transport{
		Credentials: auth.ConfigFromEnv(os.Getenv),
	}}

	// One token for all requests, which pull and push.
	scope := auth.Repository("hczjl/halo", auth.Pull, auth.Push)
	ctx := auth.WithScope(context.Background(), "ghcr.io", scope)
	req, err := http.NewRequestWithContext(ctx, "GET", "https://ghcr.io/v2/hczjl/halo/tags/list", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := client.Do(req)
	var refused *auth.Error
	if errors.As(err, &refused) {
		fmt.Println("who is", refused.User, "from", refused.Source)
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	if refused := auth.Refusal(resp); refused != nil {
		fmt.Println(refused)
	}
}

func ExampleScope_Union() {
	target := auth.Repository("hczjl/halo", auth.Push, auth.Pull)
	source := auth.Repository("library/busybox", auth.Pull)
	scope := target.Union(source)
	fmt.Println(scope)
	fmt.Println(scope.Contains(auth.Repository("hczjl/halo", auth.Pull)))
	// Output:
	// repository:hczjl/halo:pull,push repository:library/busybox:pull
	// true
}
