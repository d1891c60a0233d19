//go:build !since_d7b10a2

package async

import "context"

// Run begins the task in the context it is given.
func (t *task) Run(ctx context.Context) Task {
	go t.run(ctx)
	return t
}
