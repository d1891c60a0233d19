package async

import "context"

// Work is what a task does.
type Work func(context.Context) (interface{}, error)

// Task is work that runs once, in a goroutine of its own.
type Task interface {
	Run(ctx context.Context) Task
	Cancel()
	Outcome() (interface{}, error)
	ContinueWith(ctx context.Context, next func(interface{}, error) (interface{}, error)) Task
}

type task struct {
	work   Work
	cancel context.CancelFunc
	ended  chan struct{}
	result interface{}
	err    error
}

// NewTask returns a task that has not begun.
func NewTask(work Work) Task {
	return &task{work: work, cancel: func() {}, ended: make(chan struct{})}
}

// Invoke begins work at once.
func Invoke(ctx context.Context, work Work) Task {
	return NewTask(work).Run(ctx)
}

// Cancel asks the task to end.
func (t *task) Cancel() { t.cancel() }

// Outcome waits for the task's end.
func (t *task) Outcome() (interface{}, error) {
	<-t.ended
	return t.result, t.err
}

// ContinueWith begins next when the task has ended.
func (t *task) ContinueWith(ctx context.Context, next func(interface{}, error) (interface{}, error)) Task {
	return Invoke(ctx, func(context.Context) (interface{}, error) { return next(t.Outcome()) })
}

func (t *task) run(ctx context.Context) {
	defer close(t.ended)
	worked := make(chan struct{})
	go func() {
		t.result, t.err = t.work(ctx)
		close(worked)
	}()
	select {
	case <-worked:
	case <-ctx.Done():
		<-worked
	}
}
