package ipfirewall

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/azureaccount"
	"github.com/crosscloudlink/terraform-provider-crosscloudlink/internal/clouderr"
)

// addMissing refuses an account that is not there, and says what to do: another thing if
// Azure keeps it as deleted.
func addMissing(ctx context.Context, client *azureaccount.Client, id azureaccount.ID, notFound error, diags *diag.Diagnostics) {
	next := keptAsDeleted(ctx, client, id)
	if next == "" {
		next = "Check its name, group and subscription, and that the identity in use may read it. If this configuration makes the account, " +
			"refer to its id (account_id = azurerm_cognitive_account.<name>.id), so that it is made first."
	}
	clouderr.AddAttribute(diags, path.Root("account_id"), "The account does not exist", notFound, fmt.Sprintf("Azure does not know %s.", id), next)
}

// keptAsDeleted says since when Azure keeps an account as deleted, and both ways out; ""
// if it does not, or does not tell.
func keptAsDeleted(ctx context.Context, client *azureaccount.Client, id azureaccount.ID) string {
	deleted, err := client.FindDeletedAccount(ctx, id)
	if err != nil {
		tflog.Debug(ctx, "whether Azure keeps the account as deleted is not known", map[string]any{"account": id.String(), "error": err.Error()})
		return ""
	}
	if deleted == nil {
		return ""
	}
	since, until := "", "some time later"
	if deleted.DeletedAt != "" {
		since = " since " + deleted.DeletedAt
	}
	if deleted.PurgedAt != "" {
		until = "on " + deleted.PurgedAt
	}
	which := fmt.Sprintf("--location %s --resource-group %s --name %s", deleted.Location, id.ResourceGroup, id.Name)
	return fmt.Sprintf("It was deleted: Azure keeps it so%s, and purges it %s. Either recover it, with its subdomain and all its settings:\n\n"+
		"    az cognitiveservices account recover %s\n\nor purge it, which is for good, and have it made anew:\n\n"+
		"    az cognitiveservices account purge %s", since, until, which, which)
}
