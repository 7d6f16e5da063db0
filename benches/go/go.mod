module example.com/itnio/bench

go 1.19

require example.com/itnio v0.0.0

replace example.com/itnio => ../../examples/go
