module github.com/grab/async

go 1.19
