package async

import "context"

// Consume runs the tasks that come through a channel, at most `concurrency` at a time, until the channel is closed or
// the context ends.
func Consume(ctx context.Context, concurrency int, tasks chan Task) Task {
	return Invoke(ctx, func(own context.Context) (interface{}, error) {
		free := make(chan struct{}, concurrency)
		for i := 0; i < concurrency; i++ {
			free <- struct{}{}
		}
		for {
			select {
			case <-own.Done():
				return nil, own.Err()
			case <-free:
			}
			select {
			case <-own.Done():
				return nil, own.Err()
			case next, open := <-tasks:
				if !open {
					return nil, nil
				}
				next.Run(own).ContinueWith(own, func(interface{}, error) (interface{}, error) {
					free <- struct{}{}
					return nil, nil
				})
			}
		}
	})
}
