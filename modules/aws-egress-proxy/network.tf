data "aws_availability_zones" "available" {
  count = var.create_vpc && var.azs == null ? 1 : 0

  state = "available"

  filter {
    name   = "zone-type"
    values = ["availability-zone"]
  }
}

locals {
  available_azs = sort(try(data.aws_availability_zones.available[0].names, []))
  azs           = var.create_vpc ? coalesce(var.azs, slice(local.available_azs, 0, min(3, length(local.available_azs)))) : []

  # Sixteen equal parts: the lower half for public, the upper for private subnets, so that another zone moves none.
  public_subnet_cidrs  = { for index, az in local.azs : az => cidrsubnet(var.vpc_cidr, 4, index) }
  private_subnet_cidrs = { for index, az in local.azs : az => cidrsubnet(var.vpc_cidr, 4, index + 8) }

  vpc_id             = var.create_vpc ? one(aws_vpc.this[*].id) : var.vpc_id
  public_subnet_ids  = var.create_vpc ? [for az in local.azs : aws_subnet.public[az].id] : var.public_subnet_ids
  private_subnet_ids = var.create_vpc ? [for az in local.azs : aws_subnet.private[az].id] : var.private_subnet_ids
}

resource "aws_vpc" "this" {
  count = var.create_vpc ? 1 : 0

  cidr_block = var.vpc_cidr

  # The proxies resolve their upstreams with the VPC's resolver.
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = merge(var.tags, { Name = var.name })
}

resource "aws_subnet" "public" {
  for_each = local.public_subnet_cidrs

  vpc_id            = one(aws_vpc.this[*].id)
  availability_zone = each.key
  cidr_block        = each.value

  # A proxy's only public address is the one of the pool.
  map_public_ip_on_launch = false

  tags = merge(var.tags, { Name = "${var.name}-public-${each.key}" })
}

resource "aws_subnet" "private" {
  for_each = local.private_subnet_cidrs

  vpc_id            = one(aws_vpc.this[*].id)
  availability_zone = each.key
  cidr_block        = each.value

  map_public_ip_on_launch = false

  tags = merge(var.tags, { Name = "${var.name}-private-${each.key}" })
}

resource "aws_internet_gateway" "this" {
  count = var.create_vpc ? 1 : 0

  vpc_id = one(aws_vpc.this[*].id)

  tags = merge(var.tags, { Name = var.name })
}

resource "aws_route_table" "public" {
  count = var.create_vpc ? 1 : 0

  vpc_id = one(aws_vpc.this[*].id)

  tags = merge(var.tags, { Name = "${var.name}-public" })
}

resource "aws_route" "internet" {
  count = var.create_vpc ? 1 : 0

  route_table_id         = one(aws_route_table.public[*].id)
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = one(aws_internet_gateway.this[*].id)
}

resource "aws_route_table_association" "public" {
  for_each = local.public_subnet_cidrs

  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = one(aws_route_table.public[*].id)
}

# In mode eip_pool only the load balancer lives in the private subnets: local routes, nothing else.
resource "aws_route_table" "private" {
  count = var.create_vpc && !local.behind_nat ? 1 : 0

  vpc_id = one(aws_vpc.this[*].id)

  tags = merge(var.tags, { Name = "${var.name}-private" })
}

# In mode nat_gateway each zone leaves through a NAT gateway of its own: another zone's failure is none of its own.
resource "aws_route_table" "nat" {
  for_each = local.behind_nat ? local.private_subnet_cidrs : {}

  vpc_id = one(aws_vpc.this[*].id)

  tags = merge(var.tags, { Name = "${var.name}-private-${each.key}" })
}

resource "aws_route_table_association" "private" {
  for_each = local.private_subnet_cidrs

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = local.behind_nat ? aws_route_table.nat[each.key].id : one(aws_route_table.private[*].id)
}

# A booting proxy has no public address yet; Amazon Linux keeps its packages in S3. A gateway endpoint, because an
# interface endpoint does not serve the dual-stack names that dnf uses. Behind NAT gateways it saves their charge.
resource "aws_vpc_endpoint" "s3" {
  count = var.create_vpc ? 1 : 0

  vpc_id            = one(aws_vpc.this[*].id)
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = local.behind_nat ? values(aws_route_table.nat)[*].id : aws_route_table.public[*].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ReadPackagesOfAmazonLinux"
      Effect    = "Allow"
      Principal = "*"
      Action    = "s3:GetObject"
      Resource  = "arn:${local.partition}:s3:::al2023-repos-${local.region}-de612dc2/*"
    }]
  })

  tags = merge(var.tags, { Name = "${var.name}-s3" })
}
