#include "group.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include <sys/stat.h>

namespace understudy
{

namespace
{

// Most steps that are done in one call when a group was left behind.
constexpr std::int64_t max_steps = 1024;

void
check( std::int32_t status, const us_error& error )
{
  if ( status != US_OK )
  {
    throw Error( error.message );
  }
}

std::uint32_t
choice( const char* name, const std::string& value, std::initializer_list< std::pair< const char*, std::uint32_t > > of )
{
  std::string known;
  for ( const auto& [ word, number ] : of )
  {
    if ( value == word )
    {
      return number;
    }
    known += ( known.empty() ? "" : ", " ) + std::string( word );
  }
  throw std::invalid_argument( std::string( name ) + " is '" + value + "', expected one of: " + known );
}

// What tells whether a path still names the same file.
std::array< std::int64_t, 5 >
identity( const std::string& path )
{
  struct stat s = {};
  if ( ::stat( path.c_str(), &s ) != 0 )
  {
    return {}; // opening it says why
  }
  return { static_cast< std::int64_t >( s.st_dev ), static_cast< std::int64_t >( s.st_ino ), s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec };
}

// Objects that exist as long as somebody has them, by what they were made of.
template < typename Key, typename T >
class Shared
{
public:
  // make() gives a new one, or usable(old) says that the old one will do.
  template < typename Make, typename Usable >
  std::shared_ptr< T >
  get( const Key& key, Make make, Usable usable )
  {
    const std::lock_guard< std::mutex > lock( mutex_ );
    if ( known_.size() >= limit_ )
    {
      std::erase_if( known_, []( const auto& k ) { return k.second.expired(); } );
      limit_ = 2 * known_.size() + 16;
    }
    std::weak_ptr< T >& known = known_[ key ];
    std::shared_ptr< T > t = known.lock();
    if ( not t or not usable( *t ) )
    {
      t = make();
      known = t;
    }
    return t;
  }

private:
  std::mutex mutex_;
  std::map< Key, std::weak_ptr< T > > known_;
  std::size_t limit_ = 16; // of known_, at which those are forgotten that are gone
};

} // namespace

us_options
Parameters::options() const
{
  us_options o = US_OPTIONS_INIT;
  o.precision = choice( "precision", precision, { { "f32", US_PRECISION_F32 }, { "int8", US_PRECISION_INT8 }, { "bf16", US_PRECISION_BF16 } } );
  o.spikes = choice( "spikes", spikes, { { "threshold", US_SPIKES_THRESHOLD }, { "sample", US_SPIKES_SAMPLE } } );
  o.seed = static_cast< std::uint64_t >( seed );
  o.kernel = kernel.empty() ? nullptr : kernel.c_str();
  return o;
}

Settings::Settings( const Parameters& p )
  : parameters_( p )
{
  us_error error = US_ERROR_INIT;
  check( us_model_open( p.model.c_str(), &model_, &error ), error );
  try
  {
    const us_population one = create( { 0 } );
    us_info info = US_INFO_INIT;
    const std::int32_t status = us_population_info( one, &info, &error );
    us_population_destroy( one, nullptr );
    check( status, error );
    channels_ = info.channels;
  }
  catch ( ... )
  {
    us_model_close( model_, nullptr );
    throw;
  }
}

Settings::~Settings()
{
  us_model_close( model_, nullptr );
}

us_population
Settings::create( const std::vector< std::int64_t >& numbers ) const
{
  const us_options options = parameters_.options();
  us_population population = 0;
  us_error error = US_ERROR_INIT;
  check( us_population_create( model_, static_cast< std::int32_t >( numbers.size() ), &options, &population, &error ), error );
  const std::int32_t status = us_population_set_numbers( population, numbers.data(), numbers.size(), &error );
  if ( status != US_OK )
  {
    us_population_destroy( population, nullptr );
  }
  check( status, error );
  return population;
}

std::shared_ptr< const Settings >
Settings::shared( const Parameters& p )
{
  using Key = std::tuple< std::string, std::array< std::int64_t, 5 >, std::string, std::string, std::string, std::int64_t, bool >;
  static Shared< Key, const Settings > all;
  const Key key( p.model, identity( p.model ), p.precision, p.kernel, p.spikes, p.seed, p.batched );
  return all.get( key, [ & ] { return std::make_shared< const Settings >( p ); }, []( const Settings& ) { return true; } );
}

Group::Group( std::shared_ptr< const Settings > settings, std::int64_t first )
  : settings_( std::move( settings ) )
  , first_( first )
  , next_( first )
  , slots_( 2 )
{
}

Group::~Group()
{
  if ( population_ != 0 )
  {
    us_population_destroy( population_, nullptr );
  }
}

std::shared_ptr< Group >
Group::forming( const std::shared_ptr< const Settings >& settings, std::size_t thread, std::int64_t first )
{
  using Key = std::tuple< const Settings*, std::size_t, std::int64_t >;
  static Shared< Key, Group > all;
  return all.get(
    Key( settings.get(), thread, first ),
    [ & ] { return std::make_shared< Group >( settings, first ); },
    []( const Group& g ) { return not g.started(); } );
}

std::int32_t
Group::join( std::int64_t number )
{
  numbers_.push_back( number );
  return static_cast< std::int32_t >( numbers_.size() ) - 1;
}

void
Group::add( std::int64_t step, std::int32_t neuron, std::int32_t channel, float weight, std::size_t times )
{
  if ( step - next_ >= static_cast< std::int64_t >( slots_.size() ) )
  {
    grow( step );
  }
  const us_event event = { static_cast< double >( step - first_ ), neuron, channel, weight, 0 };
  std::vector< us_event >& events = slot( step );
  events.insert( events.end(), times, event );
}

bool
Group::input_range( us_input_range& range ) const
{
  return started() and us_population_input_range( population_, &range, nullptr ) == US_OK;
}

void
Group::grow( std::int64_t step )
{
  std::size_t size = slots_.size();
  while ( step - next_ >= static_cast< std::int64_t >( size ) )
  {
    size *= 2;
  }
  std::vector< std::vector< us_event > > larger( size );
  for ( std::size_t i = 0; i < slots_.size(); ++i )
  {
    const std::int64_t s = next_ + static_cast< std::int64_t >( i );
    larger[ static_cast< std::size_t >( s ) & ( size - 1 ) ].swap( slot( s ) );
  }
  slots_.swap( larger );
}

void
Group::compute( std::int64_t begin, std::int64_t end )
{
  if ( not started() )
  {
    population_ = settings_->create( numbers_ );
  }
  while ( next_ < begin ) // all its nodes were frozen
  {
    run( static_cast< std::int32_t >( std::min( begin - next_, max_steps ) ), nullptr );
  }
  const std::size_t size = static_cast< std::size_t >( end - begin ) * numbers_.size();
  spike_.resize( size );
  p_spike_.resize( size );
  v_soma_mv_.resize( size );
  us_output out = US_OUTPUT_INIT;
  out.capacity = size;
  out.p_spike = p_spike_.data();
  out.v_soma_mv = v_soma_mv_.data();
  out.spike = spike_.data();
  kept_ = begin;
  run( static_cast< std::int32_t >( end - begin ), &out );
}

// Does the next steps, with the events that are there.
void
Group::run( std::int32_t steps, const us_output* out )
{
  std::vector< us_event >* events = &slot( next_ );
  const std::int64_t held = std::min< std::int64_t >( steps, static_cast< std::int64_t >( slots_.size() ) );
  if ( held > 1 )
  {
    several_.clear();
    for ( std::int64_t k = 0; k < held; ++k )
    {
      std::vector< us_event >& one = slot( next_ + k );
      several_.insert( several_.end(), one.begin(), one.end() );
      one.clear();
    }
    events = &several_;
  }
  us_error error = US_ERROR_INIT;
  check( us_population_step( population_, steps, events->data(), events->size(), out, &error ), error );
  events->clear();
  next_ += steps;
}

} // namespace understudy
