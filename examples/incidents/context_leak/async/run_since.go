//go:build since_d7b10a2

package async

import "context"

// Run begins the task in a child of the context it is given; the child lives as long as its parent.
func (t *task) Run(ctx context.Context) Task {
	ctx, t.cancel = context.WithCancel(ctx)
	go t.run(ctx)
	return t
}
