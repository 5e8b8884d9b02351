# Run inside the root of the other processor: the service, until it has filed a scan.
settings=/var/tmp/demo/settings.toml
dermscan --settings "$settings" run &
service=$!
for _ in $(seq 60); do
    sleep 5
    if dermscan --settings "$settings" history list --json 2>/dev/null | grep -q '"scan_id"'; then break; fi
done
kill -TERM "$service"
wait "$service"
