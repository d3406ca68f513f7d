"""What the processes of the benches do: functions that take and return what JSON can hold."""
