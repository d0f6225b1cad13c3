"""What tests share: certificates, plans, AWS as strict fakes, terminals. Holds no test."""
