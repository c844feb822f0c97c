"""What a client meets that keeps to the rules: RFC 6120, step by step."""




def test_a_connector_signs_in_over_direct_tls(server, connect, ada):
    client = connect(server)
    client.authenticate(ada)
    assert client.bind() == f"{ada.connector_id.lower()}@localhost/connector"
    assert "type='result'" in client.ping()


def test_a_connector_signs_in_after_starttls(server, connect, ada):
    client = connect(server, direct=False)
    client.secure()
    client.sign_in(ada)
    assert "type='result'" in client.ping()


def test_before_tls_only_tls_is_offered(server, connect):
    features = connect(server, direct=False).open()
    assert "<starttls" in features
    assert "<required/>" in features
    assert "mechanism" not in features
