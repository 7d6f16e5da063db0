module example.com/itnio

go 1.19
