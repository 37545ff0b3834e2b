"""Lists every client of a Halo with a published Python package, and prints what came of it as JSON.

python peers.py PACKAGE URL CLIENT_ID, with the Client Secret in HALO_SECRET.
"""

import importlib
import json
import os
import sys
import time

import requests

package, url, client_id = sys.argv[1:4]
secret = os.environ["HALO_SECRET"]
sent = 0
send = requests.Session.send


def counted(*arguments, **named):
    global sent
    sent += 1
    return send(*arguments, **named)


requests.Session.send = counted


def haloitsm_python():
    from halo import HaloClient
    from halo.auth import OAuth2TokenManager

    # It has no parameter for the tenant.
    OAuth2TokenManager.token_url = property(lambda self: f"{url}/auth/token?tenant=demo")
    halo = HaloClient(base_url=url, client_id=client_id, client_secret=secret)
    rows, page = {}, 1
    while True:
        before = len(rows)
        for row in halo.clients.list(inactive=True, order="id", page_size=100, page_no=page):
            rows[row.id] = row
        if len(rows) == before:
            return rows
        page += 1


def halopsa():
    module = importlib.import_module("HaloPSA.Halo")

    # It knows hosted Halos only.
    def connect(self, tenant, clientid, secret, scope="all", tenant_type="psa", log_level="Normal"):
        self.session = requests.Session()
        self.auth_url, self.url = f"{url}/auth/token?tenant=demo", f"{url}/api"
        self.token = self._create_token(clientid, secret, scope)
        self.session.headers.update({"Content-Type": "application/json", "Authorization": "Bearer " + self.token})
        self.formatted_params = []

    module._MethodsHelper.__init__ = connect
    halo = module.Halo("demo", client_id, secret)
    return {row["id"]: row for row in halo.Clients.get_all(includeinactive=True)}


started = time.perf_counter()
rows = {"haloitsm-python": haloitsm_python, "HaloPSA": halopsa}[package]()
print(json.dumps({"rows": len(rows), "requests": sent, "seconds": time.perf_counter() - started}))
