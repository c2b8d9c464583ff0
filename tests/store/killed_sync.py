"""Sync in a separate process, which ``test_kill.py`` starts and kills."""

import sys

import kismet_nb as kn

if __name__ == "__main__":
    url, client_id, secret, folder = sys.argv[1:]
    with kn.KismetClient(client_id, secret, api_url=url) as client:
        print("begins", flush=True)
        kn.sync(folder, ["calls", "roles", "waiting_rooms"], client=client, participants=True)
