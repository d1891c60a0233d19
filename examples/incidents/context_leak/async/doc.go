// Package async stands in for github.com/grab/async where that module cannot be fetched. It is written anew, holds only
// what the feature store calls, and has the fault of commit d7b10a27c970 when built with the tag since_d7b10a2: every
// task makes a cancellable child of the context it is given, and nobody cancels it.
package async
