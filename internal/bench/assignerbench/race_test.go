package assignerbench

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/sandbox/fault"
)

func TestSnapshotIsShownToAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var script fault.Script
		cloud := script.Wrap(http.NotFoundHandler(), func(http.ResponseWriter, *http.Request, int, string, string) {})
		asked := holdSnapshot(t.Context(), &script, 2)
		var mu sync.Mutex
		answered := map[string]int{}
		ask := func(caller string) {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
			cloud.ServeHTTP(httptest.NewRecorder(), fault.Named(req, "ec2:DescribeAddresses", caller))
			mu.Lock()
			defer mu.Unlock()
			answered[caller]++
		}
		want := func(contender, admin int) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if answered[contenderKey] != contender || answered[adminKey] != admin {
				t.Errorf("answered are %v, want %d of the contender's and %d of others", answered, contender, admin)
			}
		}
		go ask(contenderKey)
		go ask(adminKey)
		want(0, 1)
		go ask(contenderKey)
		want(2, 1)
		go ask(contenderKey)
		want(3, 1)
		if asked() != 2 {
			t.Errorf("%d were held", asked())
		}
	})
}
