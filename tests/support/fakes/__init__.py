"""AWS as strict fakes behind real boto3 clients: what AWS would refuse, they refuse."""
