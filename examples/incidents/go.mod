module plimsoll.example/incidents

go 1.21
