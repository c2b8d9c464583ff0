login = logout = None
