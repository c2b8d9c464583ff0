"""TLS certificates for a server on loopback."""

import ssl

import trustme


def server_tls(folder, host="127.0.0.1", **validity):
    """Return the TLS settings of a server, and the file with the authority that a client must trust.

    ``validity`` is ``not_before`` or ``not_after`` of the certificate.
    """
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host, **validity).configure_cert(tls)
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return tls, file
