module libitnio.org/itnio

go 1.19
