"""[pure] Does our number equal the Plivo console's? Its usage summary held against `messages/`."""
