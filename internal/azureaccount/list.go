package azureaccount

import (
	"context"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// page is a part of a collection, as ARM answers it.
type page[Item any] struct {
	Value    []Item `json:"value"`
	NextLink string `json:"nextLink"`
}

// list reads a collection page by page, and hands on its items until one is answered with
// false.
func list[Item any](ctx context.Context, c *Client, address string, each func(Item) bool) error {
	for next := address + "?api-version=" + APIVersion; next != ""; {
		read, err := getPage[Item](ctx, c, next)
		if err != nil {
			return err
		}
		for _, item := range read.Value {
			if !each(item) {
				return nil
			}
		}
		next = c.ownURL(read.NextLink)
	}
	return nil
}

func getPage[Item any](ctx context.Context, c *Client, address string) (page[Item], error) {
	var read page[Item]
	resp, err := c.do(ctx, http.MethodGet, address, nil, nil)
	if err != nil {
		return read, err
	}
	defer closeBody(resp)
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return read, runtime.NewResponseError(resp)
	}
	err = runtime.UnmarshalAsJSON(resp, &read)
	return read, err
}
