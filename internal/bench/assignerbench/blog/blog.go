// Package blog holds the Python function that the assigner is measured beside. It does what
// Databricks' article on a dedicated connection to Azure OpenAI describes; none of the
// article's own code is in it.
package blog

import _ "embed" // the function

// Function is the program. It reads events from standard input, one JSON object a line, and answers each with a line:
// {"instance_id"} or {"error"}. POOL_TAG_KEY in its environment is the pool's tag key, CONNECTIONS how many
// connections it may keep, and the AWS_ variables are boto3's own.
//
//go:embed function.py
var Function []byte
