"""The trusted side of the wall: where student code is started, asked and ended. Everything untrusted enters here."""
