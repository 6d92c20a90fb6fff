module github.com/wbic16/sq-go

go 1.26
